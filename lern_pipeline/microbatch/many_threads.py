"""The interpreter's lock, passed on more often while many threads wait for answers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_SECONDS = 0.002


@contextmanager
def many_threads() -> Iterator[None]:
    """For work of many threads that mostly wait: each answer needs the lock several times, and a thread that computes
    keeps it for 5 ms each time otherwise."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
