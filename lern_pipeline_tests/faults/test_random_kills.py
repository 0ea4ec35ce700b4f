"""``kill -9`` of drain's process group at random moments, each followed by a drain.

``LERN_PIPELINE_TEST_KILLS=50`` for the long run over 5,000 events; six otherwise.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lern_pipeline_tests.faults.job_world import Left

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("LERN_PIPELINE_TEST_KILLS", "6"))
EVENTS_PER_KILL = 100


def test_killed_at_random_moments_nothing_is_lost_and_nothing_counts_twice(
    world: Any, undisturbed: Callable[[int], Left]
) -> None:
    seed = int(os.environ.get("LERN_PIPELINE_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}")
    moments = random.Random(seed)
    events = KILLS * EVENTS_PER_KILL
    disturbed = world(events, 40)
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
    lines = disturbed.left().differences(undisturbed_with_bad_records(undisturbed(events)))
    assert not lines, f"seed {seed}\n" + "\n".join(lines[:20])


def undisturbed_with_bad_records(left: Left) -> Left:
    """One bad record came with every portion, not with the whole alone."""
    (bad,) = (text for text in left.messages if '"raw"' in text)
    messages = {text: count for text, count in left.messages.items() if text != bad}
    for kill in range(KILLS):
        messages[bad.replace("not JSON 0", f"not JSON {kill * EVENTS_PER_KILL}")] = 1
    return replace(left, messages=messages)
