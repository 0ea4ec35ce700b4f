"""Course batches on their way from owner to owner within one micro-batch (contract 3, 5, D5, D10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lern_pipeline.jobs.user_ownership_transfer.course_batch import KEY, CourseBatch
from lern_pipeline.microbatch.batch_ownership import BatchKey
from lern_pipeline.microbatch.plan import RowWrites


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What came of one transfer: rows whose creator changed, rows whose mentors did, rows of either kind; batches that
    do not name the old owner (any more); batches without a row."""

    created: int
    mentored: int
    batches: int
    left_alone: int
    without_row: int


class Ownership:
    """The rows as stored, and as the transfers so far leave them.

    Searches are made before anything is written. What an earlier transfer has given to the old owner is found here: the
    search would find it, were it asked again (D5).
    """

    def __init__(self, stored: Mapping[BatchKey, CourseBatch]) -> None:
        self._stored = stored
        self._now = dict(stored)
        # Of the batches that the transfers so far were about, in the order of their coming, so that a plan looks the
        # same whenever it is made.
        self._of: dict[str, dict[BatchKey, None]] = defaultdict(dict)
        self._seen: dict[BatchKey, None] = {}

    def look_at(self, found: Iterable[BatchKey]) -> None:
        """The search has found these; their documents will be those of the rows."""
        for key in found:
            if key in self._now and key not in self._seen:
                self._seen[key] = None
                self._enter(key)

    def hand_over(self, from_user: str, to_user: str, found: Iterable[BatchKey]) -> HandedOver:
        """All that ``from_user`` has now."""
        found = list(found)
        self.look_at(found)
        theirs = list(self._of.get(from_user, ()))
        created = mentored = 0
        for key in theirs:
            before = self._now[key]
            after = self._now[key] = before.handed_over(from_user, to_user)
            created += after.created_by != before.created_by
            mentored += after.mentors != before.mentors
            del self._of[from_user][key]
            self._enter(key)
        with_row = [key for key in found if key in self._now]
        left_alone = len(set(with_row).difference(theirs))
        return HandedOver(created, mentored, len(theirs), left_alone, len(found) - len(with_row))

    @property
    def seen(self) -> list[BatchKey]:
        """Every batch that has a row and that a transfer was about."""
        return list(self._seen)

    def writes(self, table_name: str, write_time_us: int) -> Iterator[RowWrites]:
        """What differs from what is stored: each row once, and only the columns that differ."""
        shapes: dict[tuple[str, ...], RowWrites] = {}
        for key in self._seen:
            before, now = self._stored[key], self._now[key]
            changed: dict[str, object] = {}
            if now.created_by != before.created_by:
                changed["createdby"] = now.created_by
            if now.mentors != before.mentors:
                changed["mentors"] = list(now.mentors)
            if changed:
                columns = tuple(changed)
                writes = shapes.setdefault(columns, RowWrites(table_name, KEY, columns, rows=[]))
                writes.rows.append([*key, *changed.values(), write_time_us])
        yield from shapes.values()

    def _enter(self, key: BatchKey) -> None:
        for owner in self._now[key].owners:
            self._of[owner][key] = None
