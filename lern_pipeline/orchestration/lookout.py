"""A tick that found nothing to do keeps looking for a while: a lane reacts at once, and few ticks are needed.

Dagster's daemon looks for due sensors every five seconds at most, and each tick costs it several transactions. A look
at Kafka's end offsets costs a hundredth of that.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.microbatch.planner import BatchStatus, Wait
from lern_pipeline.orchestration.lane import Lane, LaneLook

LOOK_SECONDS = 0.5
# A topic that is not there is looked for in all of the broker's topics.
LOOK_FOR_TOPIC_SECONDS = 5.0
# Of the code server's threads; the others answer the webserver, and ticks that do not stay.
THREADS_LEFT = 4


def _threads() -> int:
    """Threads of the code server, as Dagster has them: set, or Python's default for a pool."""
    configured = os.environ.get("DAGSTER_GRPC_MAX_WORKERS", "")
    return int(configured) if configured.isdecimal() else min(32, (os.cpu_count() or 1) + 4)


_places = threading.BoundedSemaphore(max(_threads() - THREADS_LEFT, 1))


@dataclass(frozen=True)
class Lookout:
    """How long one tick looks, and how: ``clock`` and ``sleep`` in seconds."""

    watch_seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def advance(self, lane: Lane, waiting_since: float | None) -> LaneLook:
        """As :meth:`Lane.advance`; comes back when there is something to do or say, at the latest in due time.

        Raises:
            ServiceUnavailable: Kafka does not answer.
        """
        deadline = self.clock() + self.watch_seconds
        look = lane.advance(waiting_since)
        if self.watch_seconds <= 0 or not _may_change(look) or not _places.acquire(blocking=False):
            return look
        try:
            while _may_change(look) and self.clock() < deadline:
                self.sleep(LOOK_SECONDS if look.offsets.ends else LOOK_FOR_TOPIC_SECONDS)
                if not self._is_unchanged(lane, look):
                    look = lane.advance(waiting_since)
        finally:
            _places.release()
        return look

    @staticmethod
    def _is_unchanged(lane: Lane, look: LaneLook) -> bool:
        if look.newest is not None and look.newest.status is not BatchStatus.MATERIALISED:
            return False
        try:
            return lane.ends() == look.offsets.ends
        except LernPipelineError:
            # The look that follows meets it too, and says so.
            return False


def _may_change(look: LaneLook) -> bool:
    """Whether looking again soon may find something: nothing waits, a batch is running, or there is no topic yet."""
    if look.run is not None or not isinstance(look.step, Wait):
        return False
    if look.newest is None:
        return not look.offsets.ends
    if look.newest.status is BatchStatus.IN_PROGRESS:
        return True
    return look.newest.status is BatchStatus.MATERIALISED and not look.lag
