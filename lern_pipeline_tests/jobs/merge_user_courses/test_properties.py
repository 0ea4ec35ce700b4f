"""Whatever accounts hold: replays change nothing, batches may be cut anywhere, nothing counts twice."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lern_pipeline_tests.jobs.merge_user_courses.accounts import CONSUMPTION, ENROLMENTS, STARTED, SYNC, Accounts
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld

pytestmark = pytest.mark.rules

USERS = ("a", "b", "c", "d")
#: Depend on when a batch ran.
NOW_COLUMNS = frozenset({"agg_last_updated", "merged_at"})

few = st.sampled_from(["1", "2"])
counts = st.one_of(st.none(), st.integers(0, 9))
dates = st.sampled_from(
    [None, "", "x", "2024-01-05 10:00:00:000+0000", "2024-01-05 15:30:00:000+0530", "2023-1-1 0:0:0:0+0000"]
)
consumption = st.fixed_dictionaries(
    dict.fromkeys(("status", "progress", "viewcount", "completedcount", "datetime", "new_column"), counts)
    | {"lastaccesstime": dates, "progressdetails": st.sampled_from([None, "p", "q"])}
)
keys = st.sampled_from(
    ["completedCount", "score:x", "max_score:x", "attempts_count:x", "score:y", "max_score:y", "attempts_count:y"]
)
aggregate = st.fixed_dictionaries(
    {
        "aggregates": st.dictionaries(keys, st.integers(0, 5).map(float)),
        "agg": st.dictionaries(few, st.integers(0, 5)),
        "agg_details": st.one_of(st.none(), st.lists(few, min_size=1, max_size=3)),
    }
)
user = st.sampled_from(USERS)
worlds = st.fixed_dictionaries(
    {
        "consumption": st.dictionaries(st.tuples(user, few, few), consumption, max_size=8),
        "enrolments": st.dictionaries(st.tuples(user, few), st.fixed_dictionaries({"status": counts}), max_size=6),
        "aggregates": st.dictionaries(st.tuples(user, few), aggregate, max_size=6),
    }
)
merges = st.lists(st.tuples(user, user), min_size=1, max_size=6)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def accounts_of(world: dict[str, Any], base: str) -> Accounts:
    accounts = Accounts(base, world=InMemoryWorld())
    for (user, course, content), columns in world["consumption"].items():
        accounts.consumed(user, content, course, course, **columns)
    for (user, course), columns in world["enrolments"].items():
        accounts.enrolled(user, course, course, **columns)
    for (user, course), columns in world["aggregates"].items():
        accounts.aggregated(user, course, course, **{name: value for name, value in columns.items() if value})
    return accounts


def synced(accounts: Accounts) -> list[str]:
    return [message.id for message in accounts.world.broker.published if message.topic == SYNC]


@quick
@given(worlds, merges, st.sets(st.integers(0, 5)))
def test_one_batch_is_as_good_as_several(world: dict[str, Any], pairs: list[tuple[str, str]], cuts: set[int]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole, cut = accounts_of(world, one), accounts_of(world, other)
        for number, pair in enumerate(pairs):
            whole.merge(*pair)
            cut.merge(*pair)
            if number in cuts or number == len(pairs) - 1:
                cut.run(STARTED + number)
        whole.run()
        assert whole.world.rows.state(NOW_COLUMNS) == cut.world.rows.state(NOW_COLUMNS)
        assert synced(whole) == synced(cut)


@quick
@given(worlds, merges)
def test_a_replay_changes_nothing(world: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    """The same events once more, the same batch once more, and the stored plan once more."""
    with tempfile.TemporaryDirectory() as base:
        accounts = accounts_of(world, base)
        for pair in pairs:
            accounts.merge(*pair)
        first = accounts.run()
        state, published = accounts.world.rows.state(), synced(accounts)
        for writes in first.plan.rows:
            accounts.world.rows.apply(writes)
        accounts.execute(accounts.keys[0], STARTED + 10, rerun=True)
        for pair in pairs:
            if pair[0] != pair[1]:
                accounts.merge(*pair)
        replayed = accounts.run(STARTED + 20)
        assert accounts.world.rows.state() == state
        assert synced(accounts) == published
        assert replayed.account.processed == replayed.account.failed_total == 0


@quick
@given(worlds, st.permutations(USERS))
def test_nothing_counts_twice(world: dict[str, Any], order: list[str]) -> None:
    """All accounts into the last of them: it has the sum of all views, and every enrolment."""
    with tempfile.TemporaryDirectory() as base:
        accounts = accounts_of(world, base)
        views: dict[tuple[str, str], int] = {}
        for row in accounts.world.rows.rows(CONSUMPTION):
            if "viewcount" in row:
                key = (row["courseid"], row["contentid"])
                views[key] = views.get(key, 0) + row["viewcount"]
        enrolled = {row["courseid"] for row in accounts.world.rows.rows(ENROLMENTS)}
        *others, last = order
        for other in others:
            accounts.merge(other, last)
            accounts.merge(other, last)
        accounts.run()
        mine = [row for row in accounts.world.rows.rows(CONSUMPTION) if row["userid"] == last]
        assert {(row["courseid"], row["contentid"]): row["viewcount"] for row in mine if "viewcount" in row} == views
        assert {row["courseid"] for row in accounts.world.rows.rows(ENROLMENTS) if row["userid"] == last} == enrolled


@quick
@given(worlds, merges)
def test_the_old_accounts_rows_stay(world: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as base:
        accounts = accounts_of(world, base)
        untouched = set(USERS) - {to_account for _, to_account in pairs}
        before = {user: accounts.rows_of(user) for user in untouched}
        for pair in pairs:
            accounts.merge(*pair)
        accounts.run()
        assert {user: accounts.rows_of(user) for user in untouched} == before
