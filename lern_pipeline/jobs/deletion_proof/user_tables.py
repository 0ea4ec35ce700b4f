"""The tables that user-deletion-cleanup cleans (its contract, 4.2 and 6 to 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lern_pipeline.jobs.deletion_proof.trace import Trace, counted
from lern_pipeline.jobs.user_deletion_cleanup.blanked_row import BLANKED, DELETED
from lern_pipeline.jobs.user_deletion_cleanup.tables import EXTERNAL_IDENTITY, LOOKUP, MEMBERSHIP, USER, table
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings

ROW_STAYS = "the row stays, with status 2 and its personal columns empty (contract 7)"
LEFT = "marked as left"
ANOTHER_ORGANISATION = "a deletion marks the membership of its own organisation alone (contract U8)"


def in_user(users: Sequence[str], rows: RowReader, settings: JobSettings) -> Iterator[Trace]:
    """The user's row, unless it is blanked."""
    name = table(settings, USER)
    keys = [(user,) for user in users]
    for user, status, *values in rows.select(name, ("id", "status", *BLANKED), (), "id", keys):
        held = [column for column, value in zip(BLANKED, values, strict=True) if value]
        if status != DELETED:
            yield Trace(user, name, "status is not 2")
        if held:
            yield Trace(user, name, f"has {', '.join(held)}")
        if status == DELETED and not held:
            yield Trace(user, name, "blanked row", ROW_STAYS)


def in_identities(users: Sequence[str], rows: RowReader, settings: JobSettings) -> Iterator[Trace]:
    """External identities, which all have to be gone."""
    name = table(settings, EXTERNAL_IDENTITY)
    found = Counter(row[0] for row in rows.select_each(name, ("userid",), "userid", users))
    yield from (Trace(user, name, counted(number, "row")) for user, number in found.items())


def in_memberships(users: Sequence[str], rows: RowReader, settings: JobSettings) -> Iterator[Trace]:
    """Memberships of organisations."""
    name = table(settings, MEMBERSHIP)
    found = rows.select_each(name, ("userid", "isdeleted"), "userid", users)
    for (user, gone), number in Counter((row[0], bool(row[1])) for row in found).items():
        yield Trace(user, name, counted(number, "membership"), LEFT if gone else ANOTHER_ORGANISATION)


def in_lookups(users: Sequence[str], rows: RowReader, settings: JobSettings) -> Iterator[Trace]:
    """Look-ups, which all have to be gone. Nothing but a look at the whole table finds them by their user."""
    name = table(settings, LOOKUP)
    wanted = frozenset(users)
    found: Counter[tuple[str, str]] = Counter()
    for page in rows.scan(name, ("type", "userid"), "type, value", {}):
        found.update((user, type_) for type_, user in page if user in wanted)
    for (user, type_), number in found.items():
        yield Trace(user, name, f"{counted(number, 'row')} of type {type_}")
