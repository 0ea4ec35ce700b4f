"""Wherever a run dies, running the batch again ends in the same state, and nothing is counted or worded twice.

The process is not killed here: an exception that nothing catches ends the run at each boundary.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.microbatch import run as run_module
from lern_pipeline.microbatch.crash_points import BOUNDARIES
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.tally import STARTED, TABLE, counts, event, key_of, tally_run

pytestmark = pytest.mark.rules

#: Boundaries inside a run; the others are of the broker's client and of what follows the run.
INSIDE = [name for name in BOUNDARIES if name not in ("between-transactions", "between-publishes")]
BEFORE_THE_PLAN = INSIDE[: INSIDE.index("after-plan")]

LATER = STARTED + 3600
USERS = ("ada", "eve", "zed")


class Crash(BaseException):
    """As final as kill -9: no handler of the product catches it."""


class CrashingOnce:
    """Stands in for crash_point: ends the run the first time that the boundary is passed."""

    def __init__(self, boundary: str) -> None:
        self.boundary = boundary
        self.crashed = False

    def __call__(self, name: str) -> None:
        if name == self.boundary and not self.crashed:
            self.crashed = True
            raise Crash(name)


def world_with_events() -> InMemoryWorld:
    world = InMemoryWorld()
    world.rows.give(TABLE, {"user": "ada"}, {"count": 5, "seen": {"first": 1}})
    ada, eve, zed = USERS
    for value in (event(ada), event(eve), event(ada), b"{", event(zed, outcome="fail")):
        world.broker.append(value)
    return world


def outcome(world: InMemoryWorld) -> dict[str, Any]:
    return {
        "rows": world.rows.state(),
        "caches": world.caches.databases,
        "messages": {message.id: message.value for message in world.broker.published},
        "commits": world.broker.commits[-1],
    }


def execute_with_crash(world: InMemoryWorld, base: Path, boundary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    crashing = CrashingOnce(boundary)
    monkeypatch.setattr(run_module, "crash_point", crashing)
    key = key_of(world.broker)
    with pytest.raises(Crash):
        tally_run(world, base).execute(key, 1, rerun=False)
    tally_run(world, base, now=LATER).execute(key, 2, rerun=False)
    assert crashing.crashed


@pytest.mark.parametrize("boundary", INSIDE)
def test_a_run_that_dies_ends_as_if_it_had_not(boundary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crashed, unharmed = world_with_events(), world_with_events()
    execute_with_crash(crashed, tmp_path / "crashed", boundary, monkeypatch)
    # Before the plan is stored nothing is decided: the second run decides, with its own time and attempt.
    lost = boundary in BEFORE_THE_PLAN
    tally_run(unharmed, tmp_path / "unharmed", now=LATER if lost else STARTED).execute(
        key_of(unharmed.broker), 2 if lost else 1, rerun=False
    )
    assert outcome(crashed) == outcome(unharmed)
    assert counts(crashed) == {"ada": 7, "eve": 1}


@pytest.mark.parametrize("boundary", INSIDE)
def test_a_message_that_goes_out_twice_is_the_same_message(
    boundary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_with_events()
    execute_with_crash(world, tmp_path, boundary, monkeypatch)
    forms = Counter(
        message.id for message in {(m.id, m.value, tuple(m.headers)): m for m in world.broker.published}.values()
    )
    assert set(forms.values()) == {1}


@pytest.mark.parametrize("boundary", [name for name in INSIDE if name not in BEFORE_THE_PLAN])
def test_a_stored_plan_is_carried_out_and_not_computed_again(
    boundary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_with_events()
    execute_with_crash(world, tmp_path, boundary, monkeypatch)
    assert world.journal.count("read") == 1
    assert world.journal.count("plan 1") == 1
    assert world.rows.selects == {TABLE: len(USERS)}
    assert {row["at"] for row in world.rows.rows(TABLE)} == {int(STARTED * 1000)}


def test_nothing_is_read_or_written_again_once_a_batch_is_applied(tmp_path: Path) -> None:
    world = world_with_events()
    key = key_of(world.broker)
    tally_run(world, tmp_path).execute(key, 1, rerun=False)
    before, written = outcome(world), list(world.journal)
    result = tally_run(world, tmp_path, now=LATER).execute(key, 2, rerun=False)
    assert result.from_stored_plan
    assert outcome(world) == before
    assert world.journal == [*written, "commit"]


def test_two_runs_that_both_planned_carry_out_the_plan_that_was_stored_first(tmp_path: Path) -> None:
    world = world_with_events()
    key = key_of(world.broker)
    slow = tally_run(world, tmp_path, now=LATER)
    write_plan = slow.store.write_plan

    def after_the_other(plan: Any) -> Any:
        tally_run(world, tmp_path).execute(key, 1, rerun=False)
        return write_plan(plan)

    slow.store.write_plan = after_the_other  # type: ignore[method-assign]
    result = slow.execute(key, 1, rerun=False)
    assert result.plan.planned_at_ms == int(STARTED * 1000)
    assert counts(world) == {"ada": 7, "eve": 1}
    assert {row["at"] for row in world.rows.rows(TABLE)} == {int(STARTED * 1000)}
