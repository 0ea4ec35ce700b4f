"""What a stream of events of any job is, for :mod:`.streams`."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Events = list[Hashable]
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Stream:
    """A job, the platform around it, and events that may come.

    ``given``: what the platform holds before; ``make``: the platform, with its plans under an address; ``send``:
    publishes one event. ``state``: all that is stored, without times of processing; ``state_of_a_rerun``: the part of
    it that a rerun of an older batch must leave alone, all of it unless said. ``told``: what has been told of whom,
    each as often as it was, without ids and times; it follows from the events, however often each of them is there.
    ``told_in_any_cut``: the part of it that does not depend on the cut into batches. ``told_once``: the part that is
    not told again when all events come again. ``failed``: where failed events go.
    """

    job: str
    given: st.SearchStrategy[Any]
    events: st.SearchStrategy[Events]
    make: Callable[[str, Any], Any]
    send: Callable[[Any, Any], object]
    state: Callable[[Any], Any]
    told: Callable[[Any], list[str]]
    told_in_any_cut: Callable[[Any], list[str]]
    told_once: Callable[[Any], list[str]]
    failed: str
    repeated: Callable[[Events, Draw], Events]
    state_of_a_rerun: Callable[[Any], Any] | None = None

    def left_alone(self, platform: Any) -> Any:
        """What a rerun of an older batch must leave alone."""
        return (self.state_of_a_rerun or self.state)(platform)


def in_any_order(events: Events, draw: Draw) -> Events:
    """The events and repetitions of some, in any order."""
    more = draw(st.lists(st.sampled_from(events), max_size=4))
    return list(draw(st.permutations([*events, *more])))


def swapped(events: Events, draw: Draw, independent: Callable[[Any, Any], bool]) -> Events:
    """Some neighbours that have nothing to do with each other come the other way round."""
    swapped = list(events)
    for at in draw(st.lists(st.integers(0, max(len(events) - 2, 0)), max_size=6)):
        if len(swapped) > 1 and independent(*swapped[at : at + 2]):
            swapped[at : at + 2] = reversed(swapped[at : at + 2])
    return swapped


def replayed(events: Events, draw: Draw, independent: Callable[[Any, Any], bool]) -> Events:
    """As after a replay from an earlier position: up to some event, then from an earlier one to the end."""
    end = draw(st.integers(1, len(events)))
    again = draw(st.integers(0, end))
    return swapped([*events[:end], *events[again:]], draw, independent)


def said(platform: Any, *topics: str) -> list[str]:
    """The messages of the topics, in no order and without ids and times."""
    return sorted(
        f"{message.topic}: {_masked(json.loads(message.value))}"
        for message in platform.world.broker.published
        if message.topic in topics
    )


def _masked(value: dict[str, Any]) -> str:
    kept = {name: part for name, part in value.items() if name not in ("ets", "syncts", "mid")}
    if "context" in kept:
        kept["context"] = {name: part for name, part in kept["context"].items() if name not in ("sid", "did")}
    if "failInfo" in kept:
        kept["failInfo"] = kept["failInfo"]["error"]
    return json.dumps(kept, sort_keys=True)
