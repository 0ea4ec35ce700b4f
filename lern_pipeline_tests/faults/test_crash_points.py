"""Killed at any boundary of a batch and run again: the same rows, counters, checksums and messages."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from lern_pipeline.microbatch.crash_points import BOUNDARIES
from lern_pipeline_tests.faults.progress_world import Left

pytestmark = pytest.mark.faults

EVENTS = 80

# Boundaries that only a job which writes caches before it publishes comes to.
OTHER_JOBS = {"between-cache"}
POINTS = [*(name for name in BOUNDARIES if name not in OTHER_JOBS), "between-rows#2", "between-rows#3"]


@pytest.mark.parametrize("point", POINTS)
def test_a_batch_killed_there_and_run_again_ends_as_if_nothing_had_happened(
    point: str, world: Any, undisturbed: Callable[[int], Left]
) -> None:
    disturbed = world(EVENTS, 1000)
    disturbed.publish(0, EVENTS)
    assert disturbed.drain(crash_at=point).wait().exit_code == -signal.SIGKILL, "the crash point was not reached"
    batches = disturbed.drained()
    assert sum(batch["consumed"] for batch in batches) in (EVENTS + 1, 0)
    lines = disturbed.left().differences(undisturbed(EVENTS))
    assert not lines, "\n".join(lines[:20])
