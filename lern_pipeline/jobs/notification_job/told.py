"""Single events in a batch's warnings: the first few by name (contract notification-job 2, D21)."""

from __future__ import annotations

from collections.abc import Sequence

MOST_TOLD = 20


def told(lines: Sequence[str]) -> list[str]:
    """At most :data:`MOST_TOLD` lines and one that counts the others."""
    more = len(lines) - MOST_TOLD
    return [*lines[:MOST_TOLD], *([f"and {more} more events like these"] if more > 0 else [])]
