"""Outcomes of many threads in few writes: while one write is under way, what ends meanwhile gathers for the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from lern_pipeline.microbatch.effects import Outcome


class OutcomesKeptTogether:
    """``write``: keeps outcomes, by effect key; returns when they are safe."""

    def __init__(self, write: Callable[[Mapping[str, Outcome]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._gathering = _Group()

    def keep(self, key: str, outcome: Outcome) -> None:
        """Returns when the outcome is safe.

        Raises:
            Exception: what ``write`` raised, to every thread whose outcome was among those.
        """
        with self._lock:
            group = self._gathering
            is_first = not group.outcomes
            group.outcomes[key] = outcome
        if is_first:
            self._keep_group(group)
        group.done.wait()
        if group.error is not None:
            raise group.error

    def _keep_group(self, group: _Group) -> None:
        try:
            with self._writing:
                with self._lock:
                    self._gathering = _Group()
                self._write(group.outcomes)
        except BaseException as error:
            group.error = error
        finally:
            group.done.set()


class _Group:
    """Outcomes of one write."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.done = threading.Event()
        self.error: BaseException | None = None
