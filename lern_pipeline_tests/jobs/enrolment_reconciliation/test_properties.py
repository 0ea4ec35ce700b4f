"""However requests are ordered, repeated and cut into batches, the end is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import CERTIFICATES, STARTED
from lern_pipeline_tests.jobs.enrolment_reconciliation.conftest import SyncingLearners, syncing_learners

pytestmark = pytest.mark.rules

USERS = ("u-1", "u-2", "u-3")
statuses = st.fixed_dictionaries(
    {
        user: st.fixed_dictionaries({}, optional={c: st.sampled_from([None, 1, 2]) for c in ("do_z1", "do_z2")})
        for user in USERS
    }
)
requests = st.lists(st.sampled_from(USERS), min_size=1, max_size=8)


def world(consumed: dict[str, dict[str, int | None]]) -> SyncingLearners:
    learners = syncing_learners(Path(tempfile.mkdtemp()))
    for user, contents in consumed.items():
        learners.enrolled(user, "do_9300", "B-800", status=1)
        for content, status in contents.items():
            learners.consumed(user, content, status, "do_9300", "B-800")
    return learners


def played(learners: SyncingLearners, batches: Sequence[Sequence[str]]) -> SyncingLearners:
    for number, batch in enumerate(batches):
        for user in batch:
            learners.sync(user)
        result = learners.run(STARTED + number)
        assert result.account.consumed == len(batch)
    return learners


def certified(learners: SyncingLearners) -> list[str]:
    return sorted(message["edata"]["userIds"][0] for message in learners.messages(CERTIFICATES))


@settings(max_examples=60, deadline=None)
@given(statuses, requests, st.data())
def test_order_repetition_and_batch_boundaries_do_not_matter(
    consumed: dict[str, dict[str, int | None]], asked: list[str], data: st.DataObject
) -> None:
    whole = played(world(consumed), [asked])
    cut = data.draw(st.integers(0, len(asked)))
    order = data.draw(st.permutations(asked))
    parts = played(world(consumed), [part for part in (order[:cut], order[cut:]) if part])
    assert parts.state() == whole.state()
    assert certified(parts) == certified(whole)


@settings(max_examples=30, deadline=None)
@given(statuses, requests)
def test_running_a_batch_again_changes_nothing_and_sends_nothing(
    consumed: dict[str, dict[str, int | None]], asked: list[str]
) -> None:
    learners = played(world(consumed), [asked])
    before, sent = learners.world.rows.state(), len(learners.world.broker.published)
    learners.execute(learners.keys[0], STARTED + 500, rerun=True)
    assert learners.world.rows.state() == before
    assert len(learners.world.broker.published) == sent
