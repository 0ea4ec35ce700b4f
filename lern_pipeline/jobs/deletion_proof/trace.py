"""What is found of a user who should be gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Trace:
    """Something of a user that is still there. ``may_stay``: why that is right; empty where it is not."""

    user_id: str
    where: str
    what: str
    may_stay: str = ""


Look = Callable[[Sequence[str]], Iterator[Trace]]
"""Looks for users in one place. Raises what its store raises."""


def counted(number: int, thing: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
