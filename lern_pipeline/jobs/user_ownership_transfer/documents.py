"""Search documents become what the rows say (contract 3.4, decisions 9).

An effect that may be repeated at will: it names batches, not values, and reads the rows again when its turn comes. So a
late attempt puts no old owner back.
"""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.jobs.user_ownership_transfer.course_batch import read_batches, table
from lern_pipeline.microbatch.batch_ownership import BatchKey, CourseBatchIndex
from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings

DOCUMENTS = "documents follow rows"

MISSING = "missing"


def document_effects(batches: Sequence[BatchKey]) -> list[Effect]:
    """The documents of these batches: one effect, as the index gains nothing from many calls at a time."""
    if not batches:
        return []
    return [Effect(DOCUMENTS, DOCUMENTS, {"batches": [list(key) for key in batches]}, once=False)]


class FollowingDocuments:
    """Carries the effect out."""

    def __init__(self, rows: RowReader, index: CourseBatchIndex, settings: JobSettings) -> None:
        self._rows = rows
        self._index = index
        self._table = table(settings)

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`. ``result``: how many have no document."""
        keys = [BatchKey(*key) for key in effect.payload["batches"]]
        rows = read_batches(self._rows, self._table, keys)
        documents = {key.batch_id: members for key, row in rows.items() if (members := row.document())}
        return Outcome("done", {MISSING: len(self._index.update(documents))})

    def look_up(self, effect: Effect) -> Outcome | None:
        """Never needed: it is done again."""
        return None
