"""What this pipeline keeps of its micro-batches: archived records, plans and what they came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lern_pipeline.jobs.deletion_proof.named import Named
from lern_pipeline.jobs.deletion_proof.trace import Trace
from lern_pipeline.microbatch.store import BatchStore

ID_ALONE = "the id without name or address; kept for {days} days"
UNDER_WAY = "not done yet, or something in it waits for an operator"


@dataclass(frozen=True, slots=True)
class Archive:
    """One job's. ``personal``: its events or plans hold more of users than ids; ``held``: batches that may not be
    shredded."""

    job: str
    store: BatchStore
    personal: bool
    retention_days: int
    held: frozenset[str] = frozenset()

    def is_done(self, key: str) -> bool:
        """Whether the batch is applied and nothing in it waits for anybody."""
        if key in self.held:
            return False
        plan = self.store.newest_plan(key)
        return plan is not None and self.store.is_applied(plan)

    def batches_naming(self, named: Named) -> Iterator[tuple[str, frozenset[str]]]:
        """Batches, and the users they name."""
        for key in sorted(self.store.keys()):
            users = frozenset[str]().union(*(named.in_bytes(content) for content in self.store.contents(key)))
            if users:
                yield key, users


def in_archives(users: Sequence[str], archives: Sequence[Archive]) -> Iterator[Trace]:
    """Batches that name the users."""
    named = Named(users)
    for archive in archives:
        found: Counter[tuple[str, str]] = Counter()
        for key, here in archive.batches_naming(named):
            reason = ID_ALONE.format(days=archive.retention_days)
            if archive.personal:
                reason = "" if archive.is_done(key) else UNDER_WAY
            found.update((user, reason) for user in here)
        for (user, reason), number in found.items():
            yield Trace(
                user, f"archive of {archive.job}", "1 micro-batch" if number == 1 else f"{number} micro-batches", reason
            )
