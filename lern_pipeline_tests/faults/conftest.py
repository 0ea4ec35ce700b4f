"""Worlds that the tests of crashes share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline_tests.faults.progress_world import Left, ProgressWorld

World = Callable[[int, int], ProgressWorld]


@pytest.fixture
def world(local_stack: Any, tmp_path: Path) -> World:
    """A world with so many events, in batches of at most so many records."""
    made: list[ProgressWorld] = []

    def make(events: int, batch_size: int) -> ProgressWorld:
        made.append(ProgressWorld(local_stack.addresses, tmp_path / f"world{len(made)}", events, batch_size))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def undisturbed(local_stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Left]:
    """What a workload of so many events leaves behind when nothing happens to it."""
    known: dict[int, Left] = {}

    def left(events: int) -> Left:
        if events not in known:
            world = ProgressWorld(local_stack.addresses, tmp_path_factory.mktemp("undisturbed"), events, 100_000)
            world.publish(0, events)
            assert sum(batch["processed"] for batch in world.drained()) == events
            known[events] = world.left()
        return known[events]

    return left
