"""The worked examples E1–E6 of the contract (section 13), to the letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline_tests.jobs.merge_user_courses.accounts import (
    ENROLMENTS,
    FAILED,
    LEDGER,
    STARTED,
    STARTED_MS,
    SYNC,
    Accounts,
)
from lern_pipeline_tests.microbatch.failing import FailingRows

pytestmark = pytest.mark.contracts

OLD_R1 = {
    "status": 2,
    "progress": 100,
    "viewcount": 3,
    "completedcount": 1,
    "last_access_time": "2024-01-05 10:00:00.000Z",
    "last_completed_time": "2024-01-05 10:00:00.000Z",
    "lastaccesstime": "2024-01-05 15:30:00:000+0530",
}
SCORES_OLD = {"completedCount": 1.0, "score:do_q1": 4.0, "max_score:do_q1": 5.0, "attempts_count:do_q1": 1.0}
SCORES_NEW = {"completedCount": 0.0, "score:do_q2": 2.0, "max_score:do_q2": 2.0, "attempts_count:do_q2": 1.0}
JANUARY_5, JANUARY_6, FEBRUARY_1 = 1704448800000, 1704531600000, 1706774400000
MERGED_R1 = {
    "status": 2,
    "progress": 100,
    "viewcount": 5,
    "completedcount": 1,
    "last_access_time": FEBRUARY_1,
    "last_completed_time": JANUARY_5,
    "lastaccesstime": "2024-02-01 08:00:00:000+0000",
}


def given_e1(accounts: Accounts) -> None:
    accounts.consumed("u-old", "do_r1", "do_c1", "b1", **OLD_R1)
    accounts.consumed(
        "u-old",
        "do_r9",
        "do_c2",
        "b2",
        status=1,
        progress=40,
        viewcount=1,
        completedcount=0,
        last_access_time="2024-01-06 09:00:00.000Z",
    )
    accounts.consumed(
        "u-new",
        "do_r1",
        "do_c1",
        "b1",
        status=1,
        progress=30,
        viewcount=2,
        last_access_time="2024-02-01 08:00:00.000Z",
        lastaccesstime="2024-02-01 08:00:00:000+0000",
    )
    accounts.enrolled("u-old", "do_c1", "b1", status=2, issued_certificates=[{"identifier": "x1"}])
    accounts.enrolled("u-old", "do_c2", "b2", active=True, status=1, progress=0, enrolled_date=1704067200000)
    accounts.enrolled("u-new", "do_c1", "b1", status=1, progress=0)
    accounts.aggregated("u-old", "do_c1", "b1", aggregates=SCORES_OLD, agg_details=["d-old"])
    accounts.aggregated("u-new", "do_c1", "b1", aggregates=SCORES_NEW, agg_details=["d-new"])
    accounts.aggregated("u-old", "do_c2", "b2", aggregates={"completedCount": 0.0})


@pytest.fixture
def e1(accounts: Accounts) -> Accounts:
    given_e1(accounts)
    return accounts


def assert_e1(accounts: Accounts, now: int = STARTED_MS) -> None:
    assert accounts.content("u-new", "do_r1", "do_c1", "b1") == MERGED_R1
    assert accounts.content("u-new", "do_r9", "do_c2", "b2") == {
        "status": 1,
        "progress": 40,
        "viewcount": 1,
        "completedcount": 0,
        "last_access_time": JANUARY_6,
    }
    assert accounts.enrolment("u-new", "do_c1", "b1") == {"status": 1, "progress": 0}
    assert accounts.enrolment("u-new", "do_c2", "b2") == {
        "active": True,
        "status": 1,
        "progress": 0,
        "enrolled_date": 1704067200000,
    }
    assert accounts.aggregate("u-new", "do_c1", "b1") == {
        "aggregates": SCORES_NEW | SCORES_OLD,
        "agg_details": ["d-new", "d-old"],
        "agg_last_updated": dict.fromkeys(SCORES_OLD, now),
    }
    assert accounts.aggregate("u-new", "do_c2", "b2") == {
        "aggregates": {"completedCount": 0.0},
        "agg_last_updated": {"completedCount": now},
    }


def test_e1_full_merge(e1: Accounts) -> None:
    before = e1.rows_of("u-old")
    e1.merge("u-old", "u-new")
    result = e1.run()

    assert_e1(e1)
    assert e1.rows_of("u-old") == before
    first, second = e1.published(SYNC)
    assert first == {
        "eid": "BE_JOB_REQUEST",
        "ets": STARTED_MS,
        "mid": first["mid"],
        "actor": {"id": "Course Batch Updater", "type": "System"},
        "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
        "object": {"id": "b1_u-new", "type": "CourseBatchEnrolment"},
        "edata": {
            "action": "batch-enrolment-sync",
            "iteration": 1,
            "batchId": "b1",
            "userId": "u-new",
            "courseId": "do_c1",
            "reset": ["completionPercentage", "status", "progress"],
        },
    }
    assert first["mid"].startswith(f"LP.{STARTED_MS}.") and first["mid"] != second["mid"]
    assert second["object"]["id"] == "b2_u-new"
    assert e1.synced() == [("u-new", "do_c1", "b1"), ("u-new", "do_c2", "b2")]
    assert all(message.key is None for message in e1.world.broker.published)
    assert result.plan.metrics == {
        "total-events-count": 1.0,
        "success-events-count": 1.0,
        "failed-events-count": 0.0,
        "skipped-event-count": 0.0,
        "db-update-user-course-batch": 2.0,
    }


def test_e2_replay(e1: Accounts) -> None:
    e1.merge("u-old", "u-new")
    e1.run()
    published = len(e1.world.broker.published)
    e1.merge("u-old", "u-new")
    result = e1.run(STARTED + 60)

    assert_e1(e1)
    assert len(e1.world.broker.published) == published
    assert not result.plan.rows and not result.plan.messages
    assert result.account.skipped == {"already merged": 1}


def test_e3_invalid(e1: Accounts) -> None:
    edata = {"fromAccountId": "u-old", "toAccountId": ""}
    e1.publish({"edata": edata})
    result = e1.run()

    assert not e1.world.rows.selects and not result.plan.rows
    (failed,) = e1.published(FAILED)
    assert failed["edata"] == edata and failed["jobName"] == "MergeUserCourses"
    assert failed["failInfo"].items() >= {"errorCode": "DATA_ERROR", "error": "ERR_MERGE_USER_COURSES_SAMZA"}.items()
    assert result.plan.metrics["total-events-count"] == result.plan.metrics["skipped-event-count"] == 1.0
    assert result.plan.metrics["failed-events-count"] == 0.0


@pytest.mark.parametrize(
    ("f", "t", "result"),
    [
        ("2024-01-05 15:30:00:000+0530", "2024-01-05 10:00:00:001+0000", "2024-01-05 10:00:00:001+0000"),
        ("2024-01-05T10:00:00.000Z", "2020-01-01 00:00:00:000+0000", "2020-01-01 00:00:00:000+0000"),
        ("2020-01-01 00:00:00:000+0000", "garbage", "2020-01-01 00:00:00:000+0000"),
        (None, "garbage", "garbage"),
        ("2024-01-05 15:30:00:000+0530", "2024-01-05 10:00:00:000+0000", "2024-01-05 10:00:00:000+0000"),
    ],
)
def test_e4_date_strings(accounts: Accounts, f: str | None, t: str, result: str) -> None:
    accounts.consumed("u-old", "r", lastaccesstime=f)
    accounts.consumed("u-new", "r", lastaccesstime=t)
    accounts.merge("u-old", "u-new")
    accounts.run()
    assert accounts.content("u-new", "r") == {"lastaccesstime": result}


def test_e5_only_an_enrolment(accounts: Accounts) -> None:
    accounts.enrolled("u-old", "do_c3", "b3", active=False)
    accounts.merge("u-old", "u-new")
    result = accounts.run()
    assert accounts.enrolment("u-new", "do_c3", "b3") == {"active": False}
    assert accounts.synced() == [("u-new", "do_c3", "b3")]
    assert result.plan.rows_by_table() == {ENROLMENTS: 1, LEDGER: 1}


@pytest.mark.parametrize("writes_before_failure", range(6))
def test_e6_failure_in_the_middle(tmp_path: Path, writes_before_failure: int) -> None:
    """Wherever Cassandra is lost, and although the account goes on before the run does."""
    accounts = Accounts(str(tmp_path))
    rows: Any = FailingRows(accounts.world.journal)
    accounts.world.rows = rows
    given_e1(accounts)
    accounts.enrolled("u-old", "do_c4", "b4")
    accounts.merge("u-old", "u-new")
    rows.writes_before_failure = writes_before_failure
    with pytest.raises(ServiceUnavailable):
        accounts.run()
    assert not accounts.world.broker.published and not accounts.world.broker.commits
    rows.writes_before_failure = None
    result = accounts.execute(accounts.keys[0], STARTED + 600)

    assert_e1(accounts)
    assert accounts.enrolment("u-new", "do_c4", "b4") == {}
    assert accounts.synced() == [("u-new", "do_c1", "b1"), ("u-new", "do_c2", "b2"), ("u-new", "do_c4", "b4")]
    assert all(event["mid"].startswith(f"LP.{STARTED_MS}.") for event in accounts.published(SYNC))
    assert result.from_stored_plan and result.account.processed == 1
