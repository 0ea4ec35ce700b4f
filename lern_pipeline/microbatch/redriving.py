"""Which failed events are sent again, and as what (design 6). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lern_pipeline.events.failed_headers import EARLIER_ATTEMPTS
from lern_pipeline.microbatch.failure_trace import FailureTrace, Origin
from lern_pipeline.microbatch.original_event import OriginalEvent
from lern_pipeline.microbatch.plan import Message


@dataclass(frozen=True, slots=True)
class Selection:
    """What an operator wants sent again: events of one job (``jobName`` of their failed records).

    ``error_classes`` and ``reasons``: any of these, empty for all. ``from_ms`` (included) and ``until_ms`` (excluded):
    when they failed, epoch milliseconds.
    """

    job_name: str
    error_classes: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    from_ms: int | None = None
    until_ms: int | None = None

    def takes(self, trace: FailureTrace) -> bool:
        return (
            trace.job_name == self.job_name
            and (not self.error_classes or trace.error_class in self.error_classes)
            and (not self.reasons or trace.reason in self.reasons)
            and (self.from_ms is None or trace.failed_at_ms >= self.from_ms)
            and (self.until_ms is None or trace.failed_at_ms < self.until_ms)
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event to send again. ``trace``: the newest of its failed records that are selected; ``failed_at_ms``: when it
    last failed, as far as any of its records tells."""

    origin: Origin
    trace: FailureTrace
    failed_at_ms: int


@dataclass(frozen=True, slots=True)
class Choice:
    """``chosen`` in the order of their topic; ``redriven``: sent again before; ``waiting``: beyond the limit."""

    chosen: list[Candidate]
    redriven: int
    waiting: int


def candidates(traces: Iterable[FailureTrace], selection: Selection) -> list[Candidate]:
    """One for each event: several failed records may tell of parts of the same one."""
    last_failed: dict[Origin, int] = defaultdict(int)
    found: dict[Origin, FailureTrace] = {}
    for trace in traces:
        origin = trace.origin
        if origin is None:
            continue
        last_failed[origin] = max(last_failed[origin], trace.failed_at_ms)
        if trace.hindrance or not selection.takes(trace):
            continue
        before = found.get(origin)
        if before is None or (before.failed_at_ms, before.position) < (trace.failed_at_ms, trace.position):
            found[origin] = trace
    return [Candidate(origin, trace, last_failed[origin]) for origin, trace in found.items()]


def choose(among: Sequence[Candidate], redriven: Mapping[Origin, int], at_most: int, again: bool = False) -> Choice:
    """At most so many, those that failed first; ``redriven``: event → the failure after which it was sent again.

    An event that has failed anew since (its lane went back) may be sent again once more. ``again``: any may.
    """
    before = {one.origin for one in among if redriven.get(one.origin, -1) >= one.failed_at_ms}
    open_ = [one for one in among if again or one.origin not in before]
    open_.sort(key=lambda one: (one.trace.failed_at_ms, one.origin))
    chosen = sorted(open_[:at_most], key=lambda one: one.origin)
    return Choice(chosen, len(before), len(open_) - len(chosen))


def redriven_message(candidate: Candidate, original: OriginalEvent, topic: str) -> Message:
    """The event as it was, with the number of attempts that have failed: the next failure counts on."""
    return Message(
        f"redriven|{candidate.origin}",
        topic,
        original.value,
        original.key,
        [(EARLIER_ATTEMPTS, str(candidate.trace.attempt).encode())],
    )
