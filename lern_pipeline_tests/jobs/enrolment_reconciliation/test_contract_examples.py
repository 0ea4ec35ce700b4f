"""The worked examples of the contract (section 12) and its failure matrix (7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lern_pipeline.microbatch.service_readers import StatusFound
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import AUDIT, CERTIFICATES, STARTED_MS
from lern_pipeline_tests.jobs.enrolment_reconciliation.conftest import FAILED, SyncingLearners

pytestmark = pytest.mark.contracts

U, C, B = "u-liv", "do_9300", "B-800"


@pytest.fixture
def liv(learners: SyncingLearners) -> SyncingLearners:
    """Everything done, and the enrolment behind."""
    learners.consumed(U, "do_z1", 2, C, B)
    learners.consumed(U, "do_z2", 2, C, B)
    learners.enrolled(U, C, B, status=1, progress=1, contentstatus={"do_z1": 2})
    return learners


def test_example_1_repair_to_completed(liv: SyncingLearners) -> None:
    liv.sync(U)
    metrics = liv.run().plan.metrics
    assert liv.aggregates(U) == {C: 2.0, "unit_k": 2.0}
    enrolment = liv.enrolment(U, C, B)
    assert enrolment is not None
    assert (enrolment["status"], enrolment["progress"], enrolment["completedon"]) == (2, 2, STARTED_MS)
    assert enrolment["contentstatus"] == {"do_z1": 2, "do_z2": 2}
    (certificate,) = liv.messages(CERTIFICATES)
    assert certificate["object"]["id"] == "B-800_do_9300"
    assert certificate["edata"]["userIds"] == [U]
    (audit,) = liv.messages(AUDIT)
    assert audit["edata"]["type"] == "enrol-complete"
    assert audit["object"] == {"id": U, "type": "User", "rollup": {"l1": C}}
    assert audit["context"]["cdata"] == [{"type": "CourseBatch", "id": B}, {"type": "Course", "id": C}]
    assert liv.consumption(U, C) == {"do_z1": (None, None), "do_z2": (None, None)}
    assert (metrics["cert-issue-events-count"], metrics["enrolment-complete-count"]) == (1, 1)


def test_example_2_in_progress(liv: SyncingLearners) -> None:
    liv.consumed(U, "do_z2", 1, C, B)
    liv.sync(U)
    liv.run()
    assert liv.aggregates(U) == {C: 1.0, "unit_k": 1.0}
    enrolment = liv.enrolment(U, C, B)
    assert enrolment is not None
    assert (enrolment["status"], enrolment["progress"]) == (1, 1)
    assert enrolment["contentstatus"] == {"do_z1": 2, "do_z2": 1}
    assert "completedon" not in enrolment
    assert not liv.world.broker.published


@pytest.mark.parametrize("optional_done", [False, True])
def test_example_3_optional_nodes_do_not_count(learners: SyncingLearners, optional_done: bool) -> None:
    learners.enrolled("u-ada", status=1)
    for content in ("do_r1", "do_r2", *(["do_r3"] if optional_done else [])):
        learners.consumed("u-ada", content, 2)
    learners.sync("u-ada", "do_9001", "B-501")
    learners.run()
    assert learners.aggregates("u-ada") == {"do_9001": 2.0, "unit_a": 1.0, "unit_b": 1.0}
    enrolment = learners.enrolment("u-ada")
    assert enrolment is not None
    assert (enrolment["status"], enrolment["progress"]) == (2, 2)
    assert len(learners.messages(CERTIFICATES)) == 1


def test_example_4_already_completed(liv: SyncingLearners) -> None:
    liv.enrolled(U, C, B, status=2, progress=1)
    before = liv.enrolment(U, C, B)
    liv.sync(U)
    assert liv.run().account.processed == 1
    assert liv.aggregates(U) == {C: 2.0, "unit_k": 2.0}
    assert liv.enrolment(U, C, B) == before
    assert not liv.world.broker.published


def test_example_5_nothing_consumed_and_another_action_are_skipped(learners: SyncingLearners) -> None:
    learners.sync("u-new")
    learners.publish_edata({"action": "batch-enrolment-update", "userId": U, "courseId": C, "batchId": B})
    account = learners.run().account
    assert account.skipped == {"nothing consumed": 1, "other action": 1}
    assert not learners.world.rows.written


def test_example_6_missing_leaf_nodes(learners: SyncingLearners) -> None:
    learners.consumed(U, "do_w1", 2, "do_9400", B, viewcount=3, completedcount=1)
    learners.world.collections.answers["do_9400"] = StatusFound("Live")
    learners.sync(U, "do_9400")
    result = learners.run()
    assert result.account.failed == {"missing leaf nodes": 1}
    assert not learners.world.rows.written
    (failed,) = learners.messages(FAILED)
    error = failed.pop("failInfo")["error"]
    assert error == "missing leaf nodes for collection do_9400 (status Live)"
    assert failed == {
        "userId": U,
        "batchId": B,
        "courseId": "do_9400",
        "contents": {
            "do_w1": {
                "contentId": "do_w1",
                "status": 2,
                "completedCount": 1,
                "viewCount": 3,
                "fromInput": False,
                "eventsFor": [],
            }
        },
        "jobName": "enrolment-reconciliation",
    }


def test_a_retired_collection_keeps_its_unit_rows_and_its_failed_record(liv: SyncingLearners) -> None:
    liv.world.caches.database("redis", 10).pop("do_9300:do_9300:leafnodes")
    liv.world.collections.answers[C] = StatusFound("Retired")
    liv.sync(U)
    result = liv.run()
    assert result.account.processed == 1
    assert result.plan.metrics["retired-consumption-events-count"] == 1
    assert liv.aggregates(U) == {"unit_k": 2.0}
    assert len(liv.messages(FAILED)) == 1


INVALID: dict[str, Any] = {
    "action a number": {"action": 5, "userId": U, "courseId": C, "batchId": B},
    "user id a number": {"action": "user-enrolment-sync", "userId": 5, "courseId": C, "batchId": B},
    "user id missing": {"action": "user-enrolment-sync", "courseId": C, "batchId": B},
    "course id blank": {"action": "user-enrolment-sync", "userId": U, "courseId": " ", "batchId": B},
    "batch id null": {"action": "user-enrolment-sync", "userId": U, "courseId": C, "batchId": None},
}


@pytest.mark.parametrize("edata", INVALID.values(), ids=INVALID.keys())
def test_an_invalid_event_goes_to_the_failed_topic_as_it_came(liv: SyncingLearners, edata: dict[str, Any]) -> None:
    liv.publish_edata(edata)
    liv.sync(U)
    account = liv.run().account
    assert (account.processed, account.failed_total) == (1, 1)
    (failed,) = liv.messages(FAILED)
    assert failed["edata"] == edata


@pytest.mark.parametrize("value", [None, b"", b"null", b"[]", b"{x", b'"text"'])
def test_an_unreadable_record_goes_to_the_failed_topic(liv: SyncingLearners, value: bytes | None) -> None:
    liv.publish_value(value)
    assert liv.run().account.failed_total == 1
    (failed,) = liv.messages(FAILED)
    assert failed["raw"] == (None if value is None else value.decode())


def test_an_event_without_edata_is_no_action_of_this_job(learners: SyncingLearners) -> None:
    learners.publish_value(json.dumps({"eid": "BE_JOB_REQUEST"}).encode())
    assert learners.run().account.skipped == {"other action": 1}
