"""A course batch's row, as far as it tells of owners (contract 3.3, decisions 9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lern_pipeline.microbatch.batch_ownership import BatchKey
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings

KEY = ("courseid", "batchid")


@dataclass(frozen=True, slots=True)
class CourseBatch:
    """``mentors`` empty: the row has none."""

    created_by: str | None
    mentors: tuple[str, ...] = ()

    @property
    def owners(self) -> set[str]:
        """Everybody whom it names."""
        return {*self.mentors} | ({self.created_by} if self.created_by is not None else set())

    def handed_over(self, from_user: str, to_user: str) -> CourseBatch:
        """Where ``from_user`` stands ``to_user`` stands now, each mentor once and in the first of their places (D10).
        A list without ``from_user`` stays as it is."""
        created_by = to_user if self.created_by == from_user else self.created_by
        mentors = self.mentors
        if from_user in mentors:
            mentors = tuple(dict.fromkeys(to_user if mentor == from_user else mentor for mentor in mentors))
        return CourseBatch(created_by, mentors)

    def document(self) -> dict[str, Any]:
        """What its search document has to say: nothing where the row says nothing (decisions 9)."""
        members: dict[str, Any] = {}
        if self.created_by is not None:
            members["createdBy"] = self.created_by
        if self.mentors:
            members["mentors"] = list(self.mentors)
        return members


def table(settings: JobSettings) -> str:
    """The table's full name."""
    return f"{settings.text('lms-cassandra.keyspace')}.{settings.text('lms-cassandra.course_batch.table')}"


def read_batches(rows: RowReader, table_name: str, keys: Iterable[BatchKey]) -> dict[BatchKey, CourseBatch]:
    """Those of the batches that have a row (D11)."""
    columns = (*KEY, "createdby", "mentors")
    found = rows.select(table_name, columns, equal=("courseid",), within="batchid", keys=keys)
    return {
        BatchKey(course_id, batch_id): CourseBatch(created_by, tuple(mentors or ()))
        for course_id, batch_id, created_by, mentors in found
    }
