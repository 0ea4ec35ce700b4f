"""The demo's learner who moves: both writers of the user cache make of the sample what the demo expects."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE_UPDATER
from lern_pipeline.local.demo.learners import SampleEvent
from lern_pipeline.local.demo.user_cache_chapter import wrong_hashes
from lern_pipeline.local.demo.users import (
    CATEGORIES,
    FIRST_HOME,
    FRAMEWORK_ID,
    SECOND_HOME,
    Home,
    moved,
    shared_rows,
    signed_up,
    user_read,
    user_rows,
)
from lern_pipeline.microbatch.user_directory import ProfileRead
from lern_pipeline_tests.jobs.user_cache_indexer.cassandra_users import Indexing
from lern_pipeline_tests.jobs.user_cache_updater.deciding import UserCache, audit
from lern_pipeline_tests.local.test_demo_sample import outcome

pytestmark = pytest.mark.rules

USER = "asha-01-run1"


def by_events(*homes: Home) -> list[dict[str, str]]:
    """The hash after each of the moves."""
    cache, hashes = UserCache(), []
    cache.world.directory.categories[FRAMEWORK_ID] = CATEGORIES
    for home in homes:
        cache.world.directory.profiles[USER] = ProfileRead(user_read(USER, home))
        cache.take(audit(USER))
        hashes.append(cache.hash_of(USER))
    return hashes


def from_tables(directory: Path, *homes: Home) -> dict[str, str]:
    """The hash that is made of the tables after the moves."""
    indexing = Indexing(directory)
    indexing.world.directory.categories[FRAMEWORK_ID] = CATEGORIES
    moves = (user_rows(USER, home, time_us) for time_us, home in enumerate(homes, start=1))
    for writes in chain(shared_rows(1), *moves):
        indexing.world.rows.apply(writes)
    indexing.run()
    found: dict[str, str] = indexing.hash_of(USER)
    return found


def test_the_hash_follows_the_learner_and_the_tables_give_the_same(tmp_path: Path) -> None:
    before, after = by_events(FIRST_HOME, SECOND_HOME)
    rebuilt = from_tables(tmp_path, FIRST_HOME, SECOND_HOME)
    assert wrong_hashes(before, after, rebuilt) == []
    assert (before["block"], after.get("block")) == ("Nanjangud", None)
    assert after["schoolname"] == rebuilt["schoolname"] == SECOND_HOME.school
    assert after["framework_board"] == rebuilt["framework_board"] == '["State Board"]'


def test_a_hash_that_did_not_follow_is_told(tmp_path: Path) -> None:
    before, after = by_events(FIRST_HOME, SECOND_HOME)
    rebuilt = from_tables(tmp_path, FIRST_HOME)
    assert "state is 'Karnataka' after the move, not 'Kerala'" in wrong_hashes(before, before, rebuilt)
    assert "state of the rebuilt hash: differs" in wrong_hashes(before, after, rebuilt)
    assert wrong_hashes(before, after, {})


@pytest.mark.parametrize("events", [signed_up(USER, "p"), moved(USER, "p")], ids=["sign-up", "move"])
def test_the_job_does_with_every_event_what_the_sample_says(events: list[SampleEvent]) -> None:
    assert [outcome(USER_CACHE_UPDATER, event) for event in events] == [event.outcome.name for event in events]
    assert {event.key for event in events} == {USER}
