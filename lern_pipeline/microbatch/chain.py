"""Which of a lane's keys count, when two planners added one at the same moment.

Two planners that look at the same newest key may each add a successor. Insertion order is the same for
everyone, so everyone agrees on the first: it stays, the other is a *stray* that is never run and is deleted.
No lock is needed, and a planner that died in between leaves nothing that could be run twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lern_pipeline.microbatch.key import InvalidKey, MicroBatchKey


@dataclass(frozen=True, slots=True)
class Chain:
    """``keys``: the lane's batches in order. ``strays``: keys that count for nothing, as text."""

    keys: tuple[MicroBatchKey, ...]
    strays: tuple[str, ...]

    @property
    def newest(self) -> MicroBatchKey | None:
        return self.keys[-1] if self.keys else None


def chain_of(texts: Sequence[str]) -> Chain:
    """The chain in ``texts``, which are in insertion order.

    The oldest key is where the chain begins (older ones were pruned). Each further key must start where the
    chain ends, or be a position key, which moves the lane wherever it says.
    """
    keys: list[MicroBatchKey] = []
    strays: list[str] = []
    for text in texts:
        try:
            key = MicroBatchKey.parse(text)
        except InvalidKey:
            strays.append(text)
            continue
        if not keys or key.is_position or key.follows(keys[-1]):
            keys.append(key)
        else:
            strays.append(text)
    return Chain(tuple(keys), tuple(strays))


def is_unbroken(texts: Sequence[str]) -> bool:
    """Whether every key follows its predecessor: then the last one is the newest of the whole lane too."""
    return not chain_of(texts).strays
