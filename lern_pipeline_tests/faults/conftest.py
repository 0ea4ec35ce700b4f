"""Worlds that the tests of crashes share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline_tests.faults.job_world import JobWorld, Left
from lern_pipeline_tests.faults.progress_world import ProgressWorld

World = Callable[..., JobWorld]


@pytest.fixture
def world(local_stack: Any, tmp_path: Path) -> World:
    """A world with so many events, in batches of at most so many records; of course progress unless said."""
    made: list[JobWorld] = []

    def make(events: int, batch_size: int, kind: type[JobWorld] = ProgressWorld) -> JobWorld:
        made.append(kind(local_stack.addresses, tmp_path / f"world{len(made)}", events, batch_size))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def undisturbed(local_stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Left]:
    """What a workload of so many events leaves behind when nothing happens to it."""
    known: dict[tuple[int, type[JobWorld]], Left] = {}

    def left(events: int, kind: type[JobWorld] = ProgressWorld) -> Left:
        if (events, kind) not in known:
            world = kind(local_stack.addresses, tmp_path_factory.mktemp("undisturbed"), events, 100_000)
            world.publish(0, events)
            batches = world.drained()
            assert sum(batch["consumed"] for batch in batches) == events + 1
            assert all(batch["processed"] for batch in batches)
            known[events, kind] = world.left()
        return known[events, kind]

    return left
