"""What a micro-batch's scripts come to: the job's own metrics, skipped and failed events, units of work."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.certificates.registering import NotRegistered
from lern_pipeline.microbatch.job import Decision, Failure


@dataclass(slots=True)
class Tally:
    """Filled by the scripts while they run."""

    decision: Decision = field(default_factory=Decision)
    metrics: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)

    def skip(self, position: Position, reason: str) -> None:
        """Unless another part of the event has failed (decisions 2)."""
        if position not in self.decision.failed:
            self.decision.skipped[position] = reason

    def fail(self, position: Position, failure: Failure) -> None:
        """The event failed, whatever else of it was done (decisions 2)."""
        self.decision.skipped.pop(position, None)
        self.decision.failed.setdefault(position, failure)

    def not_registered(self, position: Position, found: NotRegistered, unit: str) -> None:
        """There is no certificate. ``unit`` tells a rerun that it was tried."""
        if found.failure is None:
            self.skip(position, found.skipped)
        else:
            self.fail(position, found.failure)
            self.decision.counted.append(unit)

    def trouble(self, what: str) -> None:
        """Something after the issuance went wrong: it is counted, and told once for all of its kind."""
        self.metrics["failed-events-count"] += 1
        self.troubles[what] += 1

    def result(self) -> Decision:
        """The decision with metrics and warnings."""
        self.decision.metrics = {name: float(value) for name, value in self.metrics.items()}
        self.decision.warnings = [f"{number} × {what}" for what, number in sorted(self.troubles.items())]
        return self.decision
