"""The user's row without what is personal (contract user-deletion-cleanup 7)."""

from __future__ import annotations

from collections.abc import Iterable

from lern_pipeline.jobs.user_deletion_cleanup.tables import USER, table
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.settings import JobSettings

DELETED = 2
BLANKED = (
    "maskedemail",
    "maskedphone",
    "recoveryemail",
    "recoveryphone",
    "prevusedemail",
    "prevusedphone",
    "username",
    "firstname",
    "lastname",
    "dob",
    "email",
    "phone",
)
"""Empty text, not null: readers derive a year from a ``dob`` that is not empty (U16)."""


def blanked_rows(ids: Iterable[str], write_time_us: int, settings: JobSettings) -> RowWrites:
    """For rows that are there: an update of others would make them (U7)."""
    rows = [[id_, DELETED, *[""] * len(BLANKED), write_time_us] for id_ in dict.fromkeys(ids)]
    return RowWrites(table(settings, USER), ("id",), ("status", *BLANKED), rows=rows)
