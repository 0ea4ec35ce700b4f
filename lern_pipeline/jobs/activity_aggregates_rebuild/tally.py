"""What a rebuild has come to so far, and the changes that a dry run shows."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec


class Change(NamedTuple):
    """One column, or map entry, that differs. ``learner`` is masked; ``before`` None: there was nothing."""

    learner: str
    table: str
    activity_id: str
    column: str
    before: Any
    after: Any


class Tally(msgspec.Struct):
    """Counts over learners, kept with the progress of a rebuild.

    ``learners``: enrolments looked at; ``differed``: those of which any row differs from what the rules give;
    ``left_out``: reason → learners that cannot or need not be computed; ``seconds``: spent on it, over all runs.
    """

    learners: int = 0
    differed: int = 0
    completed: int = 0
    rows: dict[str, int] = {}
    messages: dict[str, int] = {}
    left_out: dict[str, int] = {}
    warnings: list[str] = []
    seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Count what another part of the same rebuild came to."""
        self.learners += other.learners
        self.differed += other.differed
        self.completed += other.completed
        self.seconds += other.seconds
        self.rows = _sum(self.rows, other.rows)
        self.messages = _sum(self.messages, other.messages)
        self.left_out = _sum(self.left_out, other.left_out)
        self.warnings = sorted({*self.warnings, *other.warnings})


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
