"""What every chapter of the demo works with: publishing, waiting, and the count of what was published."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from lern_pipeline.local.demo.failure import DemoFailed
from lern_pipeline.local.demo.learners import SampleEvent
from lern_pipeline.local.demo.platform_side import Platform
from lern_pipeline.local.demo.screen import Screen
from lern_pipeline.local.demo.watching import LaneWatch
from lern_pipeline.microbatch.job import JobSpec

#: Nothing happening for this long means that nothing will.
PATIENCE_SECONDS = 180.0
POLL_SECONDS = 0.3


class Stage:
    """Servers and a Dagster that are up. ``check`` is called while something is waited for."""

    def __init__(
        self, platform: Platform, watches: Sequence[LaneWatch], screen: Screen, check: Callable[[], None]
    ) -> None:
        self.platform = platform
        self.screen = screen
        self.watches = watches
        #: Job → what must become of the events that were published for it.
        self.published: dict[str, Counter[str]] = {watch.job.name: Counter() for watch in watches}
        self._check = check

    def watch(self, job: JobSpec[Any, Any]) -> LaneWatch:
        """The job's batches."""
        return next(watch for watch in self.watches if watch.job is job)

    def publish(self, watch: LaneWatch, events: Sequence[SampleEvent], waiting_for: str) -> None:
        """Publishes, and waits until finished batches hold all of it."""
        self.until(self.send(watch, events), waiting_for, (watch,))

    def send(self, watch: LaneWatch, events: Sequence[SampleEvent]) -> Callable[[], bool]:
        """Publishes; returns the question whether finished batches hold all of it."""
        ends = self.platform.publish(watch.topic, events)
        self.published[watch.job.name].update(event.outcome.name for event in events)
        self.screen.line(f"{len(events)} event{'s' * (len(events) != 1)} published to {watch.topic}")
        return lambda: watch.covers(ends)

    def look(self) -> None:
        """What ended between the last look and the answer that nothing waits; and what nobody expected."""
        for watch in self.watches:
            watch.look(self.screen.line)

    def until(self, happened: Callable[[], bool], waiting_for: str, watches: Sequence[LaneWatch] | None = None) -> None:
        """``watches``: those that have work; a look at one costs what the pipeline could use.

        Raises:
            DemoFailed: nothing happens any more.
        """
        quiet_since = time.monotonic()
        with self.screen.waiting(waiting_for):
            while True:
                for watch in self.watches if watches is None else watches:
                    if watch.look(self.screen.line):
                        quiet_since = time.monotonic()
                if happened():
                    return
                self._check()
                if time.monotonic() - quiet_since > PATIENCE_SECONDS:
                    reasons = [reason for watch in self.watches for reason in watch.failures.values()]
                    why = f": {reasons[-1]}" if reasons else ""
                    raise DemoFailed(f"nothing happened for {PATIENCE_SECONDS:.0f} s while {waiting_for}{why}")
                time.sleep(POLL_SECONDS)
