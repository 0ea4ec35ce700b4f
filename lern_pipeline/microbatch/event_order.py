"""The order of a micro-batch's events where what one does depends on what others did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from heapq import merge as merged
from typing import TypeVar

from lern_pipeline.microbatch.job import Event

Work = TypeVar("Work")


def in_order(events: Iterable[Event[Work]]) -> Iterator[Event[Work]]:
    """Each partition in its order, the partitions side by side in time: for events without a key, of which two that
    belong together (old → new, new → third) may stand in different partitions."""
    partitions: dict[int, list[Event[Work]]] = defaultdict(list)
    for event in events:
        partitions[event.record.partition].append(event)
    return merged(*partitions.values(), key=lambda event: event.record.timestamp)
