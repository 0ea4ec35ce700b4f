"""Killed anywhere and started again: the same rows and figures, every message once as far as its reader can tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lern_pipeline.jobs.activity_aggregates_rebuild import rebuild
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import AUDIT, CERTIFICATES
from lern_pipeline_tests.jobs.activity_aggregates_rebuild.conftest import (
    COURSE_BATCH,
    OTHER_BATCH,
    Rebuilding,
    rebuilding,
)

pytestmark = pytest.mark.rules

SIZE = 3


class Killed(BaseException):
    """Nothing catches it."""


def dying_at(passing: int) -> Callable[[str], None]:
    """A process that dies at a crash point, counted over all of them."""
    passed = 0

    def crash_point(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == passing:
            raise Killed(name)

    return crash_point


def figures(batch: Rebuilding, **asked: object) -> dict[str, object]:
    found = batch.rebuild(COURSE_BATCH, OTHER_BATCH, chunk_learners=SIZE, **asked)
    for one in found.values():
        one.tally.seconds = 0
    return {key.key: one.tally for key, one in found.items()}


def messages(batch: Rebuilding) -> list[tuple[str, str]]:
    """(kind, learner), each id once."""
    by_id = {message.id: message for message in batch.world.broker.published}
    assert len({message.value for message in batch.world.broker.published}) == len(by_id), "copies differ"
    ids = {message["mid"] for topic in (CERTIFICATES, AUDIT) for message in batch.learners.messages(topic)}
    assert len(ids) == len(by_id)
    return sorted((id_.split("|")[0], id_.split("|")[2]) for id_ in by_id)


def test_wherever_a_rebuild_is_killed_the_next_run_brings_it_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = rebuilding(tmp_path / "undisturbed")
    expected = figures(undisturbed)
    passing = 0
    while True:
        passing += 1
        batch = rebuilding(tmp_path / str(passing))
        with monkeypatch.context() as patched:
            patched.setattr(rebuild, "crash_point", dying_at(passing))
            try:
                figures(batch)
            except Killed:
                pass
            else:
                break
        assert figures(batch, attempts_of="run-1") == expected, passing
        assert batch.learners.state() == undisturbed.learners.state(), passing
        assert messages(batch) == messages(undisturbed), passing
    assert passing > 20


def test_what_a_killed_run_had_begun_is_ended_also_when_the_next_starts_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its enrolments may be completed already: nobody else would ask for their certificates."""
    undisturbed = rebuilding(tmp_path / "undisturbed")
    figures(undisturbed)
    for passing in range(1, 20):
        batch = rebuilding(tmp_path / str(passing))
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(rebuild, "crash_point", dying_at(passing))
            figures(batch)
        figures(batch, start_over=True)
        assert batch.learners.state() == undisturbed.learners.state(), passing
        assert messages(batch) == messages(undisturbed), passing
