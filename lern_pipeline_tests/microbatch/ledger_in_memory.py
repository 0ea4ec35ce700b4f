"""The ledger of effects in memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from lern_pipeline.microbatch.effects import LedgerEntry, Outcome, Unfinished
from lern_pipeline.microbatch.plan import (
    Effect,
)
from lern_pipeline_tests.microbatch.journal import Journal


class InMemoryLedger:
    """The ledger of effects; ``lines`` is what the operator would see."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.journal: Journal = [] if journal is None else journal
        self.known: dict[tuple[str, str], LedgerEntry] = {}
        self.lines: dict[tuple[str, str], Unfinished] = {}
        self._lock = threading.Lock()

    def entries(self, job: str, keys: list[str]) -> dict[str, LedgerEntry]:
        return {key: self.known[job, key] for key in keys if (job, key) in self.known}

    def claim(self, job: str, effect: Effect, batch: str, now_ms: int) -> bool:
        with self._lock:
            entry = self.known.get((job, effect.key))
            if entry is not None and not entry.released:
                return False
            self.journal.append(f"claim {effect.key}")
            self.known[job, effect.key] = LedgerEntry(now_ms, batch)
            return True

    def record_all(self, job: str, outcomes: Mapping[str, Outcome]) -> None:
        for key, outcome in outcomes.items():
            self.journal.append(f"outcome {key} {outcome.status}")
            self.known[job, key].outcome = outcome

    def give_back(self, job: str, key: str) -> None:
        self.journal.append(f"give back {key}")
        self.known.pop((job, key), None)

    def list_unfinished(self, job: str, effect: Effect, batch: str, since_ms: int) -> None:
        self.lines[job, effect.key] = Unfinished(job, effect.key, effect.what, effect.to_whom, batch, since_ms)

    def strike_off(self, job: str, key: str) -> None:
        self.lines.pop((job, key), None)

    def unfinished(self, job: str) -> list[Unfinished]:
        return [line for (of, _), line in self.lines.items() if of == job]

    def settle(self, job: str, key: str, send: bool) -> bool:
        entry = self.known.get((job, key))
        if entry is None or not entry.is_unfinished:
            return False
        if send:
            entry.released = True
        else:
            entry.outcome = Outcome("dropped")
        self.lines.pop((job, key), None)
        return True

    def close(self) -> None:
        """Nothing was opened."""
