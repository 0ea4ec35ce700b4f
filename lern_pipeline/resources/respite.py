"""What spares a batch the time-outs of a service that does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SECONDS = 10.0


class Respite:
    """After ``limit`` calls in a row without an answer nobody asks for a while: who comes meanwhile is told so at once,
    instead of waiting for as long as those before. Threads share it."""

    def __init__(self, limit: int, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._unanswered = 0
        self._until = float("-inf")
        self._reason = ""

    def reason(self) -> str | None:
        """Why nobody asks just now, in the words of the last call; None where one may."""
        with self._lock:
            return self._reason if self._clock() < self._until else None

    def answered(self) -> None:
        """A call came to an answer, whatever it was."""
        with self._lock:
            self._unanswered = 0

    def unanswered(self, reason: str) -> None:
        """A call came to nothing, after its retries."""
        with self._lock:
            self._unanswered += 1
            if self._unanswered >= self._limit:
                self._reason, self._until = reason, self._clock() + self._seconds
