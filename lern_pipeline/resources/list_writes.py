"""Lists are written so that writing them again does not double them.

Setting a list to a value deletes what is older than the write and adds cells under ids of the server's making. The
same write again, with the same timestamp, deletes nothing of the first and adds its cells a second time. So a
statement that sets a list gets a slightly later timestamp whenever it is sent again: the time since it was planned,
a hundred thousand times slower. That is a second after a day: no learner's later progress is in its way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cassandra.policies import FallthroughRetryPolicy

SLOWER = 100_000


class ListWriteTimes:
    """Write times of the attempts at one set of rows: each later than the one before, in any process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._attempt = -1

    def next_attempt(self) -> Callable[[int], int]:
        """From the planned write time, in microseconds, to the one to write with."""
        self._attempt += 1
        now, attempt = int(self._clock() * 1_000_000), self._attempt
        return lambda planned: planned + max(now - planned, 0) // SLOWER + attempt


def never_repeated(statement: Any) -> Any:
    """The statement, which the driver must not send a second time on its own."""
    statement.retry_policy = FallthroughRetryPolicy()
    return statement
