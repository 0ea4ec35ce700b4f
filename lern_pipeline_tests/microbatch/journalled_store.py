"""A store of batches that says in the journal what it is told to keep."""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.plan import (
    Plan,
)
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline_tests.microbatch.journal import Journal


class JournalledStore(BatchStore):
    """The real store, writing into the journal."""

    def __init__(self, base: str, job: str, journal: Journal) -> None:
        super().__init__(base, job)
        self.journal = journal

    def write_records(self, key: str, records: Sequence[Record]) -> int:
        self.journal.append("archive")
        return super().write_records(key, records)

    def write_plan(self, plan: Plan) -> tuple[Plan, int]:
        self.journal.append(f"plan {plan.number}")
        return super().write_plan(plan)

    def mark_applied(self, plan: Plan) -> None:
        self.journal.append(f"applied {plan.number}")
        super().mark_applied(plan)
