"""The ledger of effects: what waits for an operator, and what is kept so that nothing is done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from lern_pipeline.jobs.deletion_proof.named import Named
from lern_pipeline.jobs.deletion_proof.trace import Trace, counted
from lern_pipeline.microbatch.effects import EffectLedger
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings

WAITS = "waits for an operator to send or drop it"
KEPT = "the id alone, so that nothing is done twice; kept for {days} days"


def in_unfinished(users: Sequence[str], ledgers: Mapping[str, EffectLedger]) -> Iterator[Trace]:
    """Unfinished effects that name the users; ``ledgers`` by job."""
    named = Named(users)
    for job, ledger in ledgers.items():
        for line in ledger.unfinished(job):
            for user in named.in_bytes(f"{line.key}\n{line.to_whom}".encode(errors="replace")):
                yield Trace(user, "unfinished_effects", f"{job}: {line.what}", WAITS)


def in_effects(users: Sequence[str], rows: RowReader, settings: JobSettings) -> Iterator[Trace]:
    """Effects whose key or outcome names the users. Nothing but a look at the whole table finds them."""
    keyspace, days = settings.text("ledger.keyspace"), settings.integer("ledger.retention.days")
    if not rows.has_keyspace(keyspace):
        return
    named = Named(users)
    found: Counter[str] = Counter()
    for page in rows.scan(f"{keyspace}.effects", ("key", "outcome"), "job, key", {}):
        for key, outcome in page:
            found.update(named.in_bytes(f"{key}\n{outcome}".encode(errors="replace")))
    for user, number in found.items():
        yield Trace(user, f"{keyspace}.effects", counted(number, "row"), KEPT.format(days=days))
