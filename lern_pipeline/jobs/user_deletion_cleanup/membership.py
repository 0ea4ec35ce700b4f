"""The membership of the event's organisation is marked as left (contract user-deletion-cleanup 4.2 step 2, 4.5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from lern_pipeline.jobs.user_deletion_cleanup.state import Membership
from lern_pipeline.jobs.user_deletion_cleanup.tables import MEMBERSHIP, table
from lern_pipeline.microbatch.job import Moment
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.settings import JobSettings


def needs_marking(membership: Membership) -> bool:
    """One that is marked keeps the date that it has (12)."""
    return not (membership.isdeleted and membership.orgleftdate)


def marked_memberships(keys: Iterable[tuple[str, str]], settings: JobSettings, moment: Moment) -> RowWrites:
    """``keys``: user and organisation."""
    left = left_date(moment.now_ms)
    rows = [[*key, True, left, moment.write_time_us] for key in keys]
    return RowWrites(table(settings, MEMBERSHIP), ("userid", "organisationid"), ("isdeleted", "orgleftdate"), rows=rows)


def left_date(now_ms: int) -> str:
    """``2024-06-01 09:15:30:123+0000``."""
    seconds, milliseconds = divmod(now_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}:{milliseconds:03d}+0000"
