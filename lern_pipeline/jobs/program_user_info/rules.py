"""The documents of a micro-batch as rows, one per user and program (contract 5, 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from lern_pipeline.jobs.program_user_info.profile import Columns
from lern_pipeline.jobs.program_user_info.program_document import ProgramEnrolment
from lern_pipeline.microbatch.job import Decision, Event, Moment
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings

KEY = ("program_id", "user_id")

Key = tuple[str, str]


def read_state(
    events: Sequence[Event[ProgramEnrolment]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> None:
    """Nothing is read: an event says all that it writes."""


def decide(events: Sequence[Event[ProgramEnrolment]], state: None, settings: JobSettings, moment: Moment) -> Decision:
    """Rows, grouped by the columns they have: a column that no document of the batch has keeps its stored value."""
    table = f"{settings.text('ml-cassandra.keyspace')}.{settings.text('ml-cassandra.table')}"
    by_columns: dict[tuple[str, ...], list[list[object]]] = defaultdict(list)
    for key, columns in folded(event.work for event in events).items():
        names = tuple(sorted(columns))
        by_columns[names].append([*key, *(columns[name] for name in names), moment.write_time_us])
    return Decision(
        rows=[RowWrites(table, KEY, set=names, rows=rows, insert=True) for names, rows in by_columns.items()]
    )


def folded(enrolments: Iterable[ProgramEnrolment]) -> dict[Key, Columns]:
    """One set of columns per key: each column from the last document that has it. Arrival decides, not `updatedAt`."""
    rows: dict[Key, Columns] = {}
    for enrolment in enrolments:
        rows.setdefault((enrolment.program_id, enrolment.user_id), {}).update(enrolment.columns)
    return rows
