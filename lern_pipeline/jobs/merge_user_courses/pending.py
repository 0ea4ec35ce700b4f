"""Which of a micro-batch's events are merged now (contract merge-user-courses 7, 9)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.merge_user_courses.merge_event import Merge
from lern_pipeline.microbatch.event_order import in_order
from lern_pipeline.microbatch.job import Event

ALREADY_MERGED = "already merged"


@dataclass(slots=True)
class Pending:
    """``events``: to be merged, in order; ``repeated``: merged before, or a second time in this batch;
    ``counted``: units of this very batch that an earlier plan of it has merged."""

    events: list[Event[Merge]] = field(default_factory=list)
    repeated: list[Position] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)

    @property
    def merges(self) -> list[Merge]:
        return [event.work for event in self.events]


def pending(events: Sequence[Event[Merge]], done: Collection[Merge], counted: Iterable[str]) -> Pending:
    """Sorts the events, in the order in which they were published.

    A rerun of an applied batch finds its own merges in the ledger. They have been counted by an earlier plan of the
    batch: they count as processed again, as they did before, and nothing of them is written or sent again. There is
    nothing to recompute in a merge: what it added to the account is in there, together with all later progress.
    """
    own = {position_of(unit): unit for unit in counted}
    result = Pending()
    seen: set[Merge] = set()
    for event in in_order(events):
        unit = own.get(str(event.position))
        if event.work in seen or (unit is None and event.work in done):
            result.repeated.append(event.position)
        elif unit is not None:
            result.counted.append(unit)
        else:
            result.events.append(event)
        seen.add(event.work)
    return result


def unit(position: Position, sync_events: int) -> str:
    """What a merge is remembered as in the batch's plan, with the number of its sync events for the metric."""
    return f"{position}|{sync_events}"


def position_of(unit: str) -> str:
    return unit.partition("|")[0]


def sync_events_of(unit: str) -> int:
    return int(unit.partition("|")[2])
