"""Whatever accounts hold: nothing counts twice. What holds of any job's stream: ``jobs/test_any_stream.py``."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lern_pipeline_tests.jobs.merge_user_courses.accounts import CONSUMPTION, ENROLMENTS, STARTED, Accounts
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


@quick
@given(worlds, merges)
def test_merges_that_come_again_are_skipped_and_a_stored_plan_may_be_carried_out_again(
    world: dict[str, Any], pairs: list[tuple[str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as base:
        accounts = accounts_of(world, base)
        for pair in pairs:
            accounts.merge(*pair)
        first = accounts.run()
        state = accounts.world.rows.state()
        for writes in first.plan.rows:
            accounts.world.rows.apply(writes)
        for pair in pairs:
            accounts.merge(*pair)
        again = accounts.run(STARTED + 20)
        assert accounts.world.rows.state() == state
        assert again.account.processed == again.account.failed_total == 0


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
