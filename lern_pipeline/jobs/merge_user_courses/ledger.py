"""The merge ledger: which accounts have been merged, so that no merge is made twice (contract merge-user-courses 9).

The contract's state `planned` is the engine's stored plan: it holds the absolute rows, their write time and the
messages, and is carried out as it is after a crash. What is in the ledger is `done`; its rows are the last that a
plan writes, and a later micro-batch starts only when this one has ended.
"""

from __future__ import annotations

from collections.abc import Iterable

from lern_pipeline.jobs.merge_user_courses.merge_event import Merge
from lern_pipeline.microbatch.job import Moment, Store
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings

DONE = "done"

MERGED_ACCOUNTS = Store(
    ("cassandra", "merged_accounts"),
    "Accounts that were merged, so that a repeated event merges nothing.",
    "cassandra",
    table=("ledger.keyspace", "merge.ledger.table"),
)


def ledger_table(settings: JobSettings) -> OwnTable:
    """One row per pair of accounts."""
    return OwnTable(
        settings.text("ledger.keyspace"),
        settings.text("merge.ledger.table"),
        {"from_account": "text", "to_account": "text", "state": "text", "merged_at": "timestamp"},
        partition=("from_account",),
        clustering=("to_account",),
    )


def read_ledger(rows: RowReader, settings: JobSettings, merges: Iterable[Merge]) -> set[Merge]:
    """Those of the merges that are done. Makes the ledger on its first use."""
    asked = set(merges)
    if not asked:
        return set()
    table = ledger_table(settings)
    rows.ensure_table(table)
    found = rows.select(
        table.full_name, table.key, equal=(), within="from_account", keys=((merge.from_account,) for merge in asked)
    )
    return asked & {Merge(*pair) for pair in found}


def ledger_writes(settings: JobSettings, merges: Iterable[Merge], moment: Moment) -> RowWrites:
    """The merges as done."""
    table = ledger_table(settings)
    rows = [[*merge, DONE, moment.now_ms, moment.write_time_us] for merge in merges]
    return RowWrites(table.full_name, table.key, set=("state", "merged_at"), rows=rows, insert=True)
