"""Killed at a boundary of a batch and run again: the same rows, keys, counters and messages as without.

Activity aggregates are killed at every boundary that they come to, the other jobs where that differs in what a wrong
recovery would do. ``LERN_PIPELINE_TEST_CRASH_POINTS=all``: every job at every boundary.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from lern_pipeline_tests.faults.job_world import JobWorld, Left
from lern_pipeline_tests.faults.worlds import WORLDS

pytestmark = pytest.mark.faults

EVENTS = 80
ALL_OF_THEM = os.environ.get("LERN_PIPELINE_TEST_CRASH_POINTS") == "all"


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        pytest.param(kind, point, id=f"{job}-{point}")
        for job, kind in WORLDS.items()
        for point in kind.crash_points(ALL_OF_THEM)
    ],
)
def test_a_batch_killed_there_and_run_again_ends_as_if_nothing_had_happened(
    kind: type[JobWorld], point: str, world: Any, undisturbed: Callable[..., Left]
) -> None:
    disturbed = world(EVENTS, 1000, kind)
    disturbed.publish(0, EVENTS)
    assert disturbed.drain(crash_at=point).wait().exit_code == -signal.SIGKILL, "the crash point was not reached"
    batches = disturbed.drained()
    assert sum(batch["consumed"] for batch in batches) in (EVENTS + 1, 0)
    lines = disturbed.left().differences(undisturbed(EVENTS, kind))
    assert not lines, "\n".join(lines[:20])
