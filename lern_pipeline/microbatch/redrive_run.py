"""Sending failed events through again (design 6): read, choose, publish, note.

**What a crash leaves.** Events are published some at a time, and noted once they are acknowledged. A crash in between
leaves at most that many sent and not noted: the next run sends them a second time. That is at-least-once, which the
jobs bear: they come to the same rows again and make no effect twice. No event is noted that was not sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lern_pipeline.events.record import Position, RecordWithHeaders
from lern_pipeline.microbatch.failed_log import FailedLog, records_of
from lern_pipeline.microbatch.failure_trace import FailureTrace, trace_of
from lern_pipeline.microbatch.key import OffsetRange
from lern_pipeline.microbatch.original_event import original_event
from lern_pipeline.microbatch.redriven_events import note_redriven, read_redriven
from lern_pipeline.microbatch.redriving import Candidate, Choice, Selection, candidates, choose, redriven_message
from lern_pipeline.microbatch.services import Broker
from lern_pipeline.microbatch.stores import RowStore
from lern_pipeline.settings import JobSettings

EVENTS_AT_ONCE = 500


@dataclass(slots=True)
class Redriven:
    """What came of it. ``events``: those that were sent, or in a dry run would be; ``hindered``: why events that are
    selected cannot be sent, each with its number of failed records; ``gone``: chosen, but removed by the topic's
    retention meanwhile."""

    choice: Choice
    dry_run: bool
    events: list[Candidate] = field(default_factory=list)
    hindered: Counter[str] = field(default_factory=Counter)
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Redrive:
    """One job's: its settings, what it talks to, and the topic that holds its failed events."""

    settings: JobSettings
    broker: Broker
    rows: RowStore
    log: FailedLog
    input_topic: str
    clock: Callable[[], float]

    def run(self, selection: Selection, at_most: int, again: bool, dry_run: bool) -> Redriven:
        """Send what is selected; a dry run only tells.

        Raises:
            ServiceUnavailable: Kafka or Cassandra does not answer; run it again.
            ConfigurationError: a topic or the own table is missing and may not be made.
        """
        traces = traces_in(self.broker, self.log)
        hindered = Counter(trace.hindrance for trace in traces if trace.hindrance and selection.takes(trace))
        among = candidates(traces, selection)
        before = read_redriven(self.rows, self.settings, (one.origin for one in among))
        choice = choose(among, before, at_most, again)
        result = Redriven(choice, dry_run, choice.chosen if dry_run else [], hindered)
        if not dry_run:
            result.events = self._send(choice.chosen)
            result.gone = len(choice.chosen) - len(result.events)
        return result

    def _send(self, chosen: list[Candidate]) -> list[Candidate]:
        sent: list[Candidate] = []
        for start in range(0, len(chosen), EVENTS_AT_ONCE):
            some = chosen[start : start + EVENTS_AT_ONCE]
            records = self._records([one.trace.position for one in some])
            there = [one for one in some if one.trace.position in records]
            messages = [
                redriven_message(one, original_event(records[one.trace.position]), self.input_topic) for one in there
            ]
            self.broker.publish(messages)
            now_ms = int(self.clock() * 1000)
            note_redriven(self.rows, self.settings, {one.origin: one.failed_at_ms for one in there}, now_ms)
            sent += there
        return sent

    def _records(self, positions: list[Position]) -> dict[Position, RecordWithHeaders]:
        """Only these are held, of what lies between them too."""
        wanted = set(positions)
        ranges = [OffsetRange(position.partition, position.offset, position.offset + 1) for position in sorted(wanted)]
        found = records_of(self.broker, self.log.topic, _joined(ranges))
        return {one.record.position: one for one in found if one.record.position in wanted}


def traces_in(broker: Broker, log: FailedLog) -> list[FailureTrace]:
    """Of the newest records of the log, in its order.

    Raises:
        ServiceUnavailable: no answer in time.
    """
    return [trace_of(log.topic, found) for found in records_of(broker, log.topic, log.newest())]


def _joined(ranges: list[OffsetRange]) -> list[OffsetRange]:
    """One range per partition: reading what lies between costs less than asking once for each."""
    spans: dict[int, OffsetRange] = {}
    for range_ in ranges:
        before = spans.get(range_.partition, range_)
        spans[range_.partition] = OffsetRange(range_.partition, before.start, range_.end)
    return list(spans.values())
