"""Lists are written so that writing them again does not double them.

Setting a list to a value deletes what is older than the write and adds cells under ids of the server's making. The
same write again, with the same timestamp, deletes nothing of the first and adds its cells a second time. So a
statement that sets a list gets a slightly later timestamp whenever it is sent again: the time since it was planned,
on a slower clock. For a minute that is a thousand times slower, so that what is sent again at once differs as well;
from then on a hundred thousand times. That is a second after a day: no learner's later progress is in its way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cassandra.policies import FallthroughRetryPolicy

# Microseconds since a write was planned.
MINUTE = 60_000_000
SLOWER_WITHIN_A_MINUTE = 1_000
SLOWER_AFTERWARDS = 100_000


def later_by(elapsed: int) -> int:
    """How much later than planned to write, after that time; both in microseconds. Grows with the time."""
    first = min(max(elapsed, 0), MINUTE)
    return first // SLOWER_WITHIN_A_MINUTE + max(elapsed - MINUTE, 0) // SLOWER_AFTERWARDS


class ListWriteTimes:
    """Write times of the attempts at one set of rows: each later than the one before, in any process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._attempt = -1

    def next_attempt(self) -> Callable[[int], int]:
        """From the planned write time, in microseconds, to the one to write with."""
        self._attempt += 1
        now, attempt = int(self._clock() * 1_000_000), self._attempt
        return lambda planned: planned + later_by(now - planned) + attempt


def never_repeated(statement: Any) -> Any:
    """The statement, which the driver must not send a second time on its own."""
    statement.retry_policy = FallthroughRetryPolicy()
    return statement
