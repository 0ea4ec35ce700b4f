"""Grouped reads and writes on a real Cassandra: each key once, few statements, late retries that change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline_tests.stack.servers import Servers

pytestmark = pytest.mark.stack

CONSUMPTION = "sunbird_courses.user_content_consumption"
AGGREGATES = "sunbird_courses.user_activity_agg"
ENROLMENTS = "sunbird_courses.user_enrolments"
KEY = ("userid", "courseid", "batchid", "contentid")
NOW_US = 1_800_000_000_000_000


@pytest.fixture(scope="module")
def shared(servers: Servers) -> Iterator[Cassandra]:
    cassandra = Cassandra(servers.settings(), counts=Counter())
    yield cassandra
    cassandra.close()


@pytest.fixture
def cassandra(shared: Cassandra) -> Cassandra:
    shared.counts.clear()
    return shared


def consumption(rows: list[list[Any]], columns: tuple[str, ...] = ("viewcount", "completedcount")) -> RowWrites:
    return RowWrites(CONSUMPTION, KEY, columns, rows=rows)


def counted(cassandra: Cassandra, user: str, course: str) -> dict[str, tuple[int | None, int | None]]:
    rows = cassandra.select(
        CONSUMPTION,
        ("contentid", "viewcount", "completedcount"),
        equal=("courseid", "batchid"),
        within="userid",
        keys=[(course, "b", user)],
    )
    return {content: (views, done) for content, views, done in rows}


# --- reads


def test_each_distinct_key_is_read_once_and_in_groups(cassandra: Cassandra, servers: Servers) -> None:
    course = f"{servers.env}-read"
    users = [f"u{n}" for n in range(60)]
    cassandra.apply(consumption([[user, course, "b", "c", n, n, NOW_US] for n, user in enumerate(users)]))
    cassandra.counts.clear()
    rows = cassandra.select(
        CONSUMPTION,
        ("userid", "viewcount"),
        equal=("courseid", "batchid"),
        within="userid",
        keys=[(course, "b", user) for user in [*users, *users, "nobody"]],
    )
    assert dict(rows) == {user: n for n, user in enumerate(users)}
    assert cassandra.counts == {"cassandra.selects": 3, "cassandra.keys_read": 61, "cassandra.rows_read": 60}


def test_keys_that_differ_in_the_other_columns_do_not_mix(cassandra: Cassandra, servers: Servers) -> None:
    """One statement for all users, courses and batches would read their cross product."""
    one, other = f"{servers.env}-one", f"{servers.env}-other"
    cassandra.apply(
        consumption([[user, course, "b", "c", 1, 1, NOW_US] for user in ("ada", "eve") for course in (one, other)])
    )
    rows = cassandra.select(
        CONSUMPTION,
        ("userid", "courseid"),
        equal=("courseid", "batchid"),
        within="userid",
        keys=[(one, "b", "ada"), (other, "b", "eve")],
    )
    assert sorted(rows) == [("ada", one), ("eve", other)]


def test_a_caller_may_ask_for_smaller_groups(cassandra: Cassandra, servers: Servers) -> None:
    keys = [(servers.env, "b", f"u{n}") for n in range(11)]
    cassandra.select(CONSUMPTION, ("userid",), equal=("courseid", "batchid"), within="userid", keys=keys, group_size=5)
    assert cassandra.counts["cassandra.selects"] == 3


def test_reading_nothing_asks_nothing(servers: Servers) -> None:
    nowhere = Cassandra(servers.settings(changed={"lms-cassandra.port": 1}))
    assert nowhere.select(CONSUMPTION, ("userid",), equal=(), within="userid", keys=[]) == []


def test_keyspaces_are_known_by_name(cassandra: Cassandra) -> None:
    assert cassandra.has_keyspace("sunbird_courses")
    assert not cassandra.has_keyspace("sunbird_nowhere")


# --- writes


def test_rows_are_written_in_few_statements(cassandra: Cassandra, servers: Servers) -> None:
    course = f"{servers.env}-write"
    cassandra.apply(consumption([[f"u{n}", course, "b", "c", n, n, NOW_US] for n in range(95)]))
    assert cassandra.counts == {"cassandra.batches": 10, "cassandra.rows_written": 95}
    assert counted(cassandra, "u94", course) == {"c": (94, 94)}


def test_large_rows_go_alone(cassandra: Cassandra, servers: Servers) -> None:
    course = f"{servers.env}-large"
    statuses = {f"content-{n}": 2 for n in range(3000)}
    writes = RowWrites(
        ENROLMENTS,
        ("userid", "courseid", "batchid"),
        ("contentstatus",),
        rows=[[f"u{n}", course, "b", statuses, NOW_US] for n in range(4)],
    )
    cassandra.apply(writes)
    assert cassandra.counts["cassandra.batches"] == 4
    rows = cassandra.select(
        ENROLMENTS,
        ("contentstatus",),
        equal=("courseid", "batchid"),
        within="userid",
        keys=[(course, "b", "u3")],
    )
    assert dict(rows[0][0]) == statuses


def test_writing_nothing_asks_nothing(servers: Servers) -> None:
    Cassandra(servers.settings(changed={"lms-cassandra.port": 1})).apply(consumption([]))


def test_a_late_retry_does_not_overwrite_what_is_newer(cassandra: Cassandra, servers: Servers) -> None:
    course = f"{servers.env}-late"
    early = consumption([["ada", course, "b", "c", 1, 1, NOW_US]])
    cassandra.apply(early)
    cassandra.apply(consumption([["ada", course, "b", "c", 2, 2, NOW_US + 1]]))
    cassandra.apply(early)
    assert counted(cassandra, "ada", course) == {"c": (2, 2)}


def test_columns_that_are_not_named_stay(cassandra: Cassandra, servers: Servers) -> None:
    course = f"{servers.env}-other"
    cassandra.apply(consumption([["ada", course, "b", "c", 2, NOW_US]], columns=("status",)))
    cassandra.apply(consumption([["ada", course, "b", "c", 1, 1, NOW_US + 1]]))
    rows = cassandra.select(
        CONSUMPTION,
        ("status", "viewcount", "progress"),
        equal=("courseid", "batchid"),
        within="userid",
        keys=[(course, "b", "ada")],
    )
    assert rows == [(2, 1, None)]


def test_entries_are_put_into_maps_and_the_others_stay(cassandra: Cassandra, servers: Servers) -> None:
    key = ("activity_type", "activity_id", "user_id", "context_id")
    row = ["Course", f"{servers.env}-map", "ada", "cb:b"]

    def put(entries: dict[str, float], time: int) -> None:
        cassandra.apply(RowWrites(AGGREGATES, key, put=("aggregates",), rows=[[*row, entries, time]]))

    put({"score:q": 4.0, "completedCount": 1.0}, NOW_US)
    put({"completedCount": 2.0}, NOW_US + 1)
    put({"completedCount": 1.0}, NOW_US)
    rows = cassandra.select(
        AGGREGATES,
        ("aggregates",),
        equal=("activity_type", "activity_id", "context_id"),
        within="user_id",
        keys=[("Course", row[1], "cb:b", "ada")],
    )
    assert dict(rows[0][0]) == {"score:q": 4.0, "completedCount": 2.0}


def test_a_map_that_is_set_replaces_all_entries(cassandra: Cassandra, servers: Servers) -> None:
    course = f"{servers.env}-set"
    key = ("userid", "courseid", "batchid")
    for time, statuses in enumerate(({"a": 1, "b": 2}, {"c": 2})):
        cassandra.apply(
            RowWrites(ENROLMENTS, key, ("contentstatus",), rows=[["ada", course, "b", statuses, NOW_US + time]])
        )
    rows = cassandra.select(
        ENROLMENTS, ("contentstatus",), equal=("courseid", "batchid"), within="userid", keys=[(course, "b", "ada")]
    )
    assert dict(rows[0][0]) == {"c": 2}


def test_of_a_group_that_fails_every_other_row_is_written(cassandra: Cassandra, servers: Servers) -> None:
    """Cassandra refuses an empty partition key, and with it the whole group."""
    course = f"{servers.env}-group"
    users = ["ada", "eve", "", "zed"]
    with pytest.raises(ConfigurationError, match="refuses a statement") as refused:
        cassandra.apply(consumption([[user, course, "b", "c", 1, 1, NOW_US] for user in users]))
    assert len(str(refused.value).splitlines()) == 1
    assert counted(cassandra, "ada", course) == counted(cassandra, "eve", course) == {"c": (1, 1)}


def test_an_unknown_table_is_a_configuration_error_in_one_line(cassandra: Cassandra) -> None:
    with pytest.raises(ConfigurationError) as refused:
        cassandra.select("sunbird_courses.nowhere", ("userid",), equal=(), within="userid", keys=[("ada",)])
    assert "nowhere" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_closed_client_connects_again(cassandra: Cassandra) -> None:
    cassandra.close()
    assert cassandra.has_keyspace("sunbird_courses")
