"""``kill -9`` of drain's process group at random moments, each followed by a drain.

Of jobs whose state does not depend on the cut into batches. ``LERN_PIPELINE_TEST_KILLS=50`` for the long run over 5,000
events; six otherwise.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lern_pipeline_tests.faults.job_world import JobWorld, Left
from lern_pipeline_tests.faults.program_world import ProgramWorld
from lern_pipeline_tests.faults.progress_world import ProgressWorld
from lern_pipeline_tests.faults.user_cache_world import UserCacheWorld

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("LERN_PIPELINE_TEST_KILLS", "6"))
EVENTS_PER_KILL = 100


@pytest.mark.parametrize("kind", [ProgressWorld, UserCacheWorld, ProgramWorld], ids=lambda kind: kind.job.name)
def test_killed_at_random_moments_nothing_is_lost_and_nothing_counts_twice(
    kind: type[JobWorld], world: Any, undisturbed: Callable[..., Left]
) -> None:
    seed = int(os.environ.get("LERN_PIPELINE_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}")
    moments = random.Random(seed)
    events = KILLS * EVENTS_PER_KILL
    disturbed = world(events, 40, kind)
    longest = 3.0
    for kill in range(KILLS):
        disturbed.publish(kill * EVENTS_PER_KILL, (kill + 1) * EVENTS_PER_KILL)
        began = time.monotonic()
        process = disturbed.drain()
        time.sleep(moments.uniform(0.0, longest))
        process.kill()
        process.wait()
        disturbed.drained()
        longest = min(longest, max(time.monotonic() - began, 1.0))
    lines = disturbed.left().differences(undisturbed_with_bad_records(undisturbed(events, kind)))
    assert not lines, f"seed {seed}\n" + "\n".join(lines[:20])


def undisturbed_with_bad_records(left: Left) -> Left:
    """One bad record came with every portion, not with the whole alone."""
    (bad,) = (text for text in left.messages if '"raw"' in text)
    messages = {text: count for text, count in left.messages.items() if text != bad}
    for kill in range(KILLS):
        messages[bad.replace("not JSON 0", f"not JSON {kill * EVENTS_PER_KILL}")] = 1
    return replace(left, messages=messages)
