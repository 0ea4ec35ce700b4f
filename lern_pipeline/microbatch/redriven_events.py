"""Which events were sent again, kept in the pipeline's own keyspace so that none is sent twice (design 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lern_pipeline.events.record import Position
from lern_pipeline.microbatch.failure_trace import Origin
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.stores import RowReader, RowStore
from lern_pipeline.settings import JobSettings

DAY_SECONDS = 86_400
NAME = "redriven_events"
KEY = ("topic", "position")


def redriven_table(settings: JobSettings) -> OwnTable:
    """One row per event, by its place in the input topic: failed records of one event in two topics are one event's.
    Rows expire after ``ledger.retention.days``, later than any topic's records."""
    return OwnTable(
        settings.text("ledger.keyspace"),
        NAME,
        {
            "topic": "text",
            "position": "text",
            "failed_at": "timestamp",
            "redriven_at": "timestamp",
        },
        partition=KEY,
        expires_after=settings.integer("ledger.retention.days") * DAY_SECONDS,
    )


def read_redriven(rows: RowReader, settings: JobSettings, events: Iterable[Origin]) -> dict[Origin, int]:
    """Those of the events that were sent again → the failure after which they were, epoch milliseconds. Makes the table
    on its first use.

    Raises:
        ServiceUnavailable: no answer in time.
        ConfigurationError: the table is missing and may not be made.
    """
    asked = {_key(event): event for event in events}
    if not asked:
        return {}
    own = redriven_table(settings)
    rows.ensure_table(own)
    found = rows.select(own.full_name, (*KEY, "failed_at"), KEY[:1], KEY[1], asked, times=("failed_at",))
    return {asked[topic, position]: failed_at for topic, position, failed_at in found}


def note_redriven(rows: RowStore, settings: JobSettings, events: Mapping[Origin, int], now_ms: int) -> None:
    """Keep that these were sent again, after the failure of that time. Again changes nothing."""
    lines: list[list[Any]] = [[*_key(event), failed_at, now_ms, now_ms * 1000] for event, failed_at in events.items()]
    if lines:
        rows.apply(RowWrites(redriven_table(settings).full_name, KEY, ("failed_at", "redriven_at"), rows=lines))


def _key(event: Origin) -> tuple[str, str]:
    return event.topic, str(Position(event.partition, event.offset))
