"""Merging column by column, aggregate by aggregate; what is written; which events are merged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.events.validation import Skip
from lern_pipeline.jobs.merge_user_courses.aggregates import merged_aggregate
from lern_pipeline.jobs.merge_user_courses.consumption import LARGEST_INT, merged_consumption
from lern_pipeline.jobs.merge_user_courses.date_text import date_reader
from lern_pipeline.jobs.merge_user_courses.merge_event import ERROR, Merge, account_merge
from lern_pipeline.jobs.merge_user_courses.state import aggregates_needed
from lern_pipeline_tests.jobs.merge_user_courses.accounts import (
    AGGREGATES,
    CONSUMPTION,
    ENROLMENTS,
    FAILED,
    LEDGER,
    STARTED,
    STARTED_MS,
    SYNC,
    Accounts,
    merge_settings,
)

pytestmark = pytest.mark.rules

DATE_OF = date_reader("yyyy-MM-dd HH:mm:ss:SSSZ")
NOW = 1_800_000_000_000


# --- events


@pytest.mark.parametrize(
    "edata",
    [
        None,
        {},
        [],
        "x",
        5,
        {"fromAccountId": "a"},
        {"toAccountId": "b"},
        {"fromAccountId": None, "toAccountId": "b"},
        {"fromAccountId": "", "toAccountId": "b"},
        {"fromAccountId": " \t", "toAccountId": "b"},
        {"fromAccountId": 1, "toAccountId": "b"},
        {"fromAccountId": ["a"], "toAccountId": "b"},
        {"fromAccountId": "a", "toAccountId": {"id": "b"}},
        {"fromAccountId": "a", "toAccountId": "a"},
        {"fromAccountId": "a", "toAccountId": "b" * 40_000},
    ],
)
def test_an_invalid_event_is_skipped_with_a_failed_record(edata: Any) -> None:
    outcome = account_merge({"edata": edata})
    assert isinstance(outcome, Skip)
    assert (outcome.error, outcome.code) == (ERROR, "DATA_ERROR")
    assert outcome.reason.startswith("invalid: ")


def test_ids_are_used_verbatim_and_the_action_is_not_looked_at() -> None:
    edata = {"fromAccountId": " a", "toAccountId": "A ", "action": 7}
    assert account_merge({"edata": edata}) == Merge(" a", "A ")


@pytest.mark.parametrize("value", [b"{ oops", b"[]", b"null", b"", None, b"\xff"])
def test_what_cannot_be_read_is_failed(accounts: Accounts, value: bytes | None) -> None:
    accounts.publish_value(value)
    result = accounts.run()
    assert result.account.failed_total == 1 and result.account.skipped_total == 0
    (failed,) = accounts.published(FAILED)
    assert failed["jobName"] == "MergeUserCourses" and failed["failInfo"]["errorCode"] == "DATA_ERROR"
    assert "raw" in failed or "raw_base64" in failed


# --- consumption


@pytest.mark.parametrize(
    ("f", "t", "merged"),
    [
        ({"status": 2}, {"status": 1}, {"status": 2}),
        ({"progress": 0}, {"progress": -5}, {"progress": 0}),
        ({"viewcount": 5}, {}, {"viewcount": 5}),
        ({}, {"viewcount": 5}, {"viewcount": 5}),
        ({"viewcount": 5}, {"viewcount": 3}, {"viewcount": 8}),
        ({"completedcount": LARGEST_INT}, {"completedcount": 1}, {"completedcount": LARGEST_INT}),
        ({"datetime": 5}, {"datetime": 6}, {"datetime": 6}),
        ({"last_updated_time": 7}, {"last_updated_time": 6}, {"last_updated_time": 7}),
        ({"completionpercentage": 1.5}, {"completionpercentage": 0.5}, {"completionpercentage": 1.5}),
        ({"some_column": 1}, {}, {}),
        ({"some_column": 1}, {"some_column": 2}, {"some_column": 2}),
        ({"progressdetails": "f"}, {}, {"progressdetails": "f"}),
        ({"progressdetails": "f"}, {"progressdetails": "t"}, {"progressdetails": "t"}),
        ({"lastupdatedtime": "x"}, {"lastupdatedtime": "y"}, {"lastupdatedtime": "y"}),
        ({"lastupdatedtime": "x"}, {}, {"lastupdatedtime": "x"}),
    ],
)
def test_columns(f: dict[str, Any], t: dict[str, Any], merged: dict[str, Any]) -> None:
    assert merged_consumption(f, t, DATE_OF) == merged


@pytest.mark.parametrize(
    ("f_progress", "t_progress", "winner"),
    [(5, 4, "f"), (5, 5, "t"), (4, 5, "t"), (0, None, "f"), (None, 0, "t"), (None, None, "t")],
)
def test_progress_details_come_from_the_greater_progress(
    f_progress: int | None, t_progress: int | None, winner: str
) -> None:
    f = {"progressdetails": "f"} | ({} if f_progress is None else {"progress": f_progress})
    t = {"progressdetails": "t"} | ({} if t_progress is None else {"progress": t_progress})
    assert merged_consumption(f, t, DATE_OF)["progressdetails"] == winner


# --- aggregates


def aggregates(f: dict[str, float], t: dict[str, float]) -> dict[str, Any]:
    return merged_aggregate({"aggregates": f}, {"aggregates": t}, "new", NOW)


def test_scores_come_together_from_the_better_attempt() -> None:
    f = {"score:a": 8.0, "max_score:a": 10.0, "attempts_count:a": 1.0, "completedCount": 1.0}
    t = {"score:a": 3.0, "max_score:a": 3.0, "attempts_count:a": 4.0, "completedCount": 1.0}
    merged = aggregates(f, t)
    assert merged["aggregates"] == {
        "score:a": 8.0,
        "max_score:a": 10.0,
        "attempts_count:a": 4.0,
        "completedCount": 1.0,
    }
    assert merged["agg_last_updated"] == {"score:a": NOW, "max_score:a": NOW}


def test_a_tie_leaves_everything_as_it_is() -> None:
    t = {"score:a": 3.0, "max_score:a": 20.0, "completedCount": 2.0}
    merged = aggregates({"score:a": 3.0, "max_score:a": 10.0, "completedCount": 1.0}, t)
    assert merged == {"aggregates": t}


def test_keys_of_one_side_are_kept() -> None:
    assert aggregates({"score:a": 1.0, "other": 1.0}, {"score:b": 2.0, "other": 2.0})["aggregates"] == {
        "score:a": 1.0,
        "score:b": 2.0,
        "other": 2.0,
        "completedCount": 0.0,
    }


def test_a_new_row_has_everything_of_the_old_accounts_and_times_of_its_own() -> None:
    f = {
        "activity_type": "Course",
        "activity_id": "c1",
        "user_id": "old",
        "context_id": "cb:b1",
        "agg": {"x": 1},
        "agg_details": ["d", "d"],
        "agg_last_updated": {"completedCount": 5, "gone": 6},
        "some_column": 7,
    }
    assert merged_aggregate(f, None, "new", NOW) == f | {
        "user_id": "new",
        "aggregates": {"completedCount": 0.0},
        "agg_last_updated": {"completedCount": NOW},
    }


def test_aggregates_are_read_along_a_chain() -> None:
    enrolments = [{"userid": "a", "courseid": "c1"}, {"userid": "b", "courseid": "c2"}]
    needed = aggregates_needed([Merge("a", "b"), Merge("b", "c")], enrolments)
    assert sorted(needed) == [("a", "c1"), ("b", "c1"), ("b", "c2"), ("c", "c1"), ("c", "c2")]


# --- what is written


def test_only_changed_columns_of_stored_rows_are_written_and_each_row_once(accounts: Accounts) -> None:
    accounts.consumed("old", "r", status=1, viewcount=2)
    accounts.consumed("older", "r", viewcount=3, new_column="of the future")
    accounts.consumed("new", "r", status=2, viewcount=1, new_column="stays")
    accounts.merge("old", "new")
    accounts.merge("older", "new")
    result = accounts.run()
    (writes,) = (writes for writes in result.plan.rows if writes.table == CONSUMPTION)
    assert (writes.set, writes.put, writes.insert) == (("viewcount",), (), False)
    assert writes.rows == [["new", "c1", "b1", "r", 6, int(STARTED * 1e6)]]


def test_new_columns_are_copied(accounts: Accounts) -> None:
    accounts.consumed("old", "r", new_column="of the future")
    accounts.enrolled("old", other_column=[{"a": "b"}])
    accounts.merge("old", "new")
    accounts.run()
    assert accounts.content("new", "r") == {"new_column": "of the future"}
    assert accounts.enrolment("new") == {"other_column": [{"a": "b"}]}


def test_a_merge_that_changes_nothing_is_only_remembered(accounts: Accounts) -> None:
    accounts.consumed("old", "r", status=1)
    accounts.consumed("new", "r", status=2)
    accounts.enrolled("old")
    accounts.enrolled("new")
    accounts.aggregated("old", aggregates={"completedCount": 1.0})
    accounts.aggregated("new", aggregates={"completedCount": 2.0})
    accounts.merge("old", "new")
    assert accounts.run().plan.rows_by_table() == {LEDGER: 1}
    assert accounts.synced() == [("new", "c1", "b1")]


def test_the_ledger_is_written_last(accounts: Accounts) -> None:
    accounts.consumed("old", "r", viewcount=1)
    accounts.enrolled("old")
    accounts.aggregated("old", aggregates={"completedCount": 1.0})
    accounts.merge("old", "new")
    tables = [writes.table for writes in accounts.run().plan.rows]
    assert tables == [CONSUMPTION, AGGREGATES, ENROLMENTS, LEDGER]
    assert accounts.world.rows.tables[LEDGER].statement() == (
        "CREATE TABLE IF NOT EXISTS lern_pipeline.merged_accounts (from_account text, to_account text, state text, "
        "merged_at timestamp, PRIMARY KEY ((from_account), to_account))"
    )


def test_every_account_is_read_once(accounts: Accounts) -> None:
    for user in ("a", "b", "c"):
        accounts.consumed(user, "r")
    accounts.merge("a", "b")
    accounts.merge("b", "c")
    accounts.run()
    assert accounts.world.rows.selects == {LEDGER: 2, CONSUMPTION: 3, ENROLMENTS: 3, AGGREGATES: 0}


# --- once


def test_a_pair_twice_in_one_batch_is_merged_once(accounts: Accounts) -> None:
    accounts.consumed("old", "r", viewcount=1)
    accounts.merge("old", "new")
    accounts.merge("old", "new")
    account = accounts.run().account
    assert (account.processed, account.skipped) == (1, {"already merged": 1})
    assert accounts.content("new", "r") == {"viewcount": 1}


def test_a_chain_over_two_partitions_is_followed_in_time(accounts: Accounts) -> None:
    """The first of the chain stands in the later partition."""
    accounts.consumed("a", "r", viewcount=1)
    accounts.merge("a", "b", partition=1)
    accounts.merge("x", "y", partition=0)
    accounts.merge("b", "c", partition=0)
    accounts.run()
    assert accounts.content("c", "r") == {"viewcount": 1}


def test_a_rerun_counts_as_before_and_changes_nothing(accounts: Accounts) -> None:
    accounts.consumed("old", "r", viewcount=1)
    accounts.enrolled("old", "c1", "b1")
    accounts.enrolled("old", "c2", "b2")
    accounts.merge("old", "new")
    accounts.merge("old", "new")
    accounts.merge("", "new")
    accounts.publish_value(b"{ oops")
    first = accounts.run()
    # The account goes on, and joins another batch.
    accounts.consumed("new", "r", viewcount=20)
    accounts.enrolled("new", "c3", "b3")
    before, published = accounts.world.rows.state(), len(accounts.world.broker.published)

    for number in range(2):
        again = accounts.execute(accounts.keys[0], STARTED + 100 + number, rerun=True)
        assert again.recomputed
        assert again.account == first.account
        assert again.plan.metrics == first.plan.metrics
        assert again.plan.counted == first.plan.counted
        assert accounts.world.rows.state() == before
        assert len(accounts.world.broker.published) == published
    assert first.plan.metrics["db-update-user-course-batch"] == 2.0


# --- the switch of D2


def test_enrolment_reconciliation_is_asked_where_that_is_switched_on(tmp_path: Path) -> None:
    topic = "test.batch.enrolment.sync.request"
    settings = merge_settings(kafka_output_enrolment_sync_topic="{env}.batch.enrolment.sync.request")
    accounts = Accounts(str(tmp_path), settings)
    accounts.enrolled("old")
    accounts.merge("old", "new")
    result = accounts.run()
    (event,) = accounts.published(topic)
    assert event["edata"] == {
        "action": "user-enrolment-sync",
        "iteration": 1,
        "batchId": "b1",
        "userId": "new",
        "courseId": "c1",
    }
    assert event["object"] == {"id": "b1_new", "type": "CourseBatchEnrolment"} and event["ets"] == STARTED_MS
    assert event["mid"] != accounts.published(SYNC)[0]["mid"]
    assert result.plan.metrics["db-update-user-course-batch"] == 1.0


def test_it_is_not_asked_by_default(accounts: Accounts) -> None:
    accounts.enrolled("old")
    accounts.merge("old", "new")
    accounts.run()
    assert {message.topic for message in accounts.world.broker.published} == {SYNC}


def test_an_empty_group_is_the_deployments() -> None:
    assert merge_settings(kafka_groupid="").text("kafka.groupId") == "test-merge-courses-group"
