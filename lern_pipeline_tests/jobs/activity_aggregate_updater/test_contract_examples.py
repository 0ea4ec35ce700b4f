"""The worked examples 1–6 of the contract (section 15), to the letter.

Counts of statements and cache reads need the real clients: they are asserted on the real servers.
"""

from __future__ import annotations

import pytest

from lern_pipeline.microbatch.service_readers import StatusFound
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import (
    AGGREGATES,
    AUDIT,
    CERTIFICATES,
    CONSUMPTION,
    FAILED,
    STARTED,
    STARTED_MS,
    Learners,
    completed,
)

pytestmark = pytest.mark.contracts

T2 = STARTED + 3600
T2_MS = int(T2 * 1000)

R1_CHECKSUM = "51E27F11A21630EF162F835A7BBF30A9"
R2_CHECKSUM = "55024DA6236BEC3EAA59A28CE5171E80"
R3_CHECKSUM = "3433410F2503831C0AC5C94B69182B4E"
ZED_CHECKSUM = "44A0CD8A4D7A140C9C964EA48B9A991D"


@pytest.fixture
def ada(learners: Learners) -> Learners:
    """Enrolled, with the consumption rows of example 1."""
    learners.enrolled("u-ada")
    learners.consumed("u-ada", "do_r1", 2)
    learners.consumed("u-ada", "do_r2", 1)
    return learners


@pytest.fixture
def after_first(ada: Learners) -> Learners:
    ada.publish("u-ada", [{"contentId": "do_r1", "status": 2}, {"contentId": "do_r2", "status": 1}])
    ada.run()
    return ada


@pytest.fixture
def after_completion(after_first: Learners) -> Learners:
    """The LMS has set do_r2 to status 2."""
    after_first.consumed("u-ada", "do_r2", 2)
    after_first.world.broker.published.clear()
    after_first.publish("u-ada", completed("do_r1", "do_r2"))
    after_first.run(T2)
    return after_first


def test_example_1_first_completion(ada: Learners) -> None:
    ada.publish("u-ada", [{"contentId": "do_r1", "status": 2}, {"contentId": "do_r2", "status": 1}])
    metrics = ada.run().plan.metrics
    assert ada.consumption("u-ada") == {"do_r1": (1, 1), "do_r2": (0, 0)}
    rows = {row["activity_id"]: row for row in ada.world.rows.rows(AGGREGATES)}
    for activity, count in {"do_9001": 1.0, "unit_a": 1.0, "unit_b": 0.0}.items():
        assert rows.pop(activity) == {
            "activity_type": "Course",
            "activity_id": activity,
            "user_id": "u-ada",
            "context_id": "cb:B-501",
            "aggregates": {"completedCount": count},
            "agg_last_updated": {"completedCount": STARTED_MS},
        }
    assert not rows
    assert ada.enrolment("u-ada") == {
        "userid": "u-ada",
        "courseid": "do_9001",
        "batchid": "B-501",
        "status": 1,
        "progress": 1,
        "contentstatus": {"do_r1": 2, "do_r2": 1},
        "datetime": STARTED_MS,
    }
    start, complete = ada.messages(AUDIT)
    assert (start["edata"], start["object"]["id"]) == ({"props": ["viewcount"], "type": "start"}, "do_r1")
    assert complete["edata"] == {"props": ["viewcount", "completedcount"], "type": "complete"}
    assert ada.messages(CERTIFICATES) == []
    assert ada.checksums == {R1_CHECKSUM}
    assert ada.world.caches.expiries == {R1_CHECKSUM: 604800}
    assert ada.world.caches.database("dedup-redis", 13)[R1_CHECKSUM] == ""
    assert metrics["total-events-count"] == 1
    assert metrics["batch-enrolment-update-count"] == 1
    assert metrics["processed-enrolment-count"] == 1
    assert metrics["skipped-events-count"] == metrics["failed-events-count"] == 0


def test_example_2_completion(after_completion: Learners) -> None:
    ada = after_completion
    assert ada.consumption("u-ada") == {"do_r1": (1, 1), "do_r2": (1, 1)}
    assert ada.aggregates("u-ada") == {"do_9001": 2.0, "unit_a": 1.0, "unit_b": 1.0}
    enrolment = ada.enrolment("u-ada")
    assert enrolment is not None
    assert enrolment["status"] == 2
    assert enrolment["completedon"] == enrolment["datetime"] == T2_MS
    assert enrolment["progress"] == 2
    assert enrolment["contentstatus"] == {"do_r1": 2, "do_r2": 2}
    (certificate,) = ada.messages(CERTIFICATES)
    assert certificate["object"]["id"] == "B-501_do_9001"
    assert certificate["edata"]["userIds"] == ["u-ada"]
    assert ada.audits() == [("enrol-complete", "u-ada"), ("start", "do_r2"), ("complete", "do_r2")]
    assert ada.checksums == {R1_CHECKSUM, R2_CHECKSUM}


def test_example_2_asks_for_the_certificate_after_the_enrolment_is_written(after_completion: Learners) -> None:
    journal = after_completion.world.journal
    assert journal.index(f"publish {CERTIFICATES}") > len(journal) - 1 - journal[::-1].index(
        "rows sunbird_courses.user_enrolments"
    )


def test_example_3_an_optional_content_after_completion_leaves_the_enrolment_alone(after_completion: Learners) -> None:
    ada = after_completion
    enrolment = ada.enrolment("u-ada")
    ada.world.broker.published.clear()
    ada.consumed("u-ada", "do_r3", 2)
    ada.publish("u-ada", completed("do_r3"))
    ada.run(T2 + 60)
    assert ada.consumption("u-ada")["do_r3"] == (1, 1)
    assert ada.aggregates("u-ada") == {"do_9001": 2.0, "unit_a": 1.0, "unit_b": 1.0}
    assert {row["agg_last_updated"]["completedCount"] for row in ada.world.rows.rows(AGGREGATES)} == {T2_MS + 60_000}
    assert ada.enrolment("u-ada") == enrolment
    assert ada.messages(CERTIFICATES) == []
    assert ada.audits() == [("start", "do_r3"), ("complete", "do_r3")]
    assert ada.checksums == {R1_CHECKSUM, R2_CHECKSUM, R3_CHECKSUM}


def test_example_4_a_content_twice_in_one_event_counts_once(learners: Learners) -> None:
    learners.enrolled("u-new")
    learners.consumed("u-new", "do_r1", 2)
    learners.publish("u-new", completed("do_r1", "do_r1"))
    learners.run()
    assert learners.consumption("u-new") == {"do_r1": (1, 1)}
    assert learners.audits() == [("start", "do_r1"), ("complete", "do_r1")]


def missing_leaf_nodes(learners: Learners, status: str) -> None:
    learners.world.collections.answers["do_9100"] = StatusFound(status)
    learners.enrolled("u-eve", "do_9100", "B-610")
    learners.publish("u-eve", completed("do_x1"), "do_9100", "B-610")


def test_example_5_missing_leaf_nodes_fail_the_enrolment_alone(learners: Learners) -> None:
    missing_leaf_nodes(learners, "Live")
    learners.enrolled("u-ada")
    learners.publish("u-ada", completed("do_r1"))
    result = learners.run()
    assert learners.consumption("u-eve", "do_9100") == {}
    assert learners.aggregates("u-eve") == {}
    assert learners.enrolment("u-eve", "do_9100", "B-610")["status"] == 0  # type: ignore[index]
    (failed,) = learners.messages(FAILED)
    fail_info = failed.pop("failInfo")
    assert fail_info["error"] == "missing leaf nodes for collection do_9100 (status Live)"
    assert failed == {
        "userId": "u-eve",
        "batchId": "B-610",
        "courseId": "do_9100",
        "contents": {
            "do_x1": {
                "contentId": "do_x1",
                "status": 2,
                "completedCount": 1,
                "viewCount": 1,
                "fromInput": True,
                "eventsFor": ["start", "complete"],
            }
        },
        "jobName": "activity-aggregate-updater",
    }
    assert result.account.failed == {"missing leaf nodes": 1}
    assert result.plan.metrics["failed-events-count"] == 1
    assert learners.consumption("u-ada") == {"do_r1": (1, 1)}
    assert len(learners.checksums) == 1


def test_example_5_a_retired_collection_still_counts_its_consumption(learners: Learners) -> None:
    missing_leaf_nodes(learners, "Retired")
    learners.relations(do_9100__do_x1__ancestors=["unit_x", "do_9100"], do_9100__unit_x__leafnodes=["do_x1"])
    result = learners.run()
    assert learners.consumption("u-eve", "do_9100") == {"do_x1": (1, 1)}
    assert learners.aggregates("u-eve") == {"unit_x": 1.0}
    assert learners.enrolment("u-eve", "do_9100", "B-610")["status"] == 0  # type: ignore[index]
    (failed,) = learners.messages(FAILED)
    assert failed["failInfo"]["error"] == "missing leaf nodes for collection do_9100 (status Retired)"
    assert learners.checksums == set()
    assert learners.audits() == [("start", "do_x1"), ("complete", "do_x1")]
    assert result.account.processed == 1
    assert result.plan.metrics["retired-consumption-events-count"] == 1


def test_example_5_a_status_is_only_retired_when_it_is_written_so(learners: Learners) -> None:
    missing_leaf_nodes(learners, "retired")
    assert learners.run().account.failed_total == 1
    assert learners.world.rows.rows(CONSUMPTION) == []


def test_example_6_not_enrolled(learners: Learners) -> None:
    learners.publish("u-zed", completed("do_r1"))
    learners.run()
    assert learners.world.rows.rows(CONSUMPTION) == [
        {
            "userid": "u-zed",
            "courseid": "do_9001",
            "batchid": "B-501",
            "contentid": "do_r1",
            "viewcount": 1,
            "completedcount": 1,
        }
    ]
    assert learners.aggregates("u-zed") == {"do_9001": 1.0, "unit_a": 1.0}
    assert learners.enrolment("u-zed") is None
    assert learners.audits() == [("start", "do_r1"), ("complete", "do_r1")]
    assert learners.checksums == {ZED_CHECKSUM}


def test_audit_events_have_the_contracts_envelope(ada: Learners) -> None:
    ada.publish("u-ada", completed("do_r1"))
    ada.run()
    event = ada.messages(AUDIT)[0]
    ids = [event.pop("mid").removeprefix("LP.AUDIT."), event["context"].pop("sid"), event["context"].pop("did")]
    assert len(set(ids)) == 3
    assert event == {
        "actor": {"id": "u-ada", "type": "User"},
        "eid": "AUDIT",
        "edata": {"props": ["viewcount"], "type": "start"},
        "ver": "3.0",
        "syncts": STARTED_MS,
        "ets": STARTED_MS,
        "context": {
            "channel": "in.sunbird",
            "env": "Course",
            "pdata": {"ver": "3.0", "id": "org.sunbird.learning.platform", "pid": "course-progress-updater"},
            "cdata": [{"type": "CourseBatch", "id": "B-501"}],
        },
        "object": {"id": "do_r1", "type": "Content", "rollup": {"l1": "do_9001"}},
        "tags": [],
    }


def test_the_certificate_request_has_the_contracts_form(after_completion: Learners) -> None:
    (event,) = after_completion.messages(CERTIFICATES)
    prefix, moment, _ = event.pop("mid").split(".", 2)
    assert (prefix, moment) == ("LP", str(T2_MS))
    assert event == {
        "eid": "BE_JOB_REQUEST",
        "ets": T2_MS,
        "actor": {"id": "Course Certificate Generator", "type": "System"},
        "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
        "object": {"id": "B-501_do_9001", "type": "CourseCertificateGeneration"},
        "edata": {
            "userIds": ["u-ada"],
            "action": "issue-certificate",
            "iteration": 1,
            "trigger": "auto-issue",
            "batchId": "B-501",
            "reIssue": False,
            "courseId": "do_9001",
        },
    }
