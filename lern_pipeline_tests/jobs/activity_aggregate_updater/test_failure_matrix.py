"""The failure matrix of the contract (section 8), row by row: what an event ends as, and what it leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.service_readers import StatusFound, StatusUnknown
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import (
    AGGREGATES,
    CERTIFICATES,
    CONSUMPTION,
    FAILED,
    Learners,
    aggregate_settings,
    completed,
)
from lern_pipeline_tests.microbatch.failing import FailingBroker, FailingCaches, FailingRows

pytestmark = pytest.mark.contracts

GOOD: dict[str, Any] = {
    "action": "batch-enrolment-update",
    "userId": "u-ada",
    "batchId": "B-501",
    "courseId": "do_9001",
    "contents": completed("do_r1"),
}


def without(name: str) -> dict[str, Any]:
    return {member: value for member, value in GOOD.items() if member != name}


def outcome(learners: Learners) -> str:
    account = learners.run().account
    assert account.consumed == 1
    (found,) = [
        name
        for name, count in [
            ("processed", account.processed),
            ("skipped", account.skipped_total),
            ("failed", account.failed_total),
        ]
        if count
    ]
    return found


def assert_nothing_written(learners: Learners) -> None:
    assert not any(learners.state().values())
    assert learners.checksums == set()


@pytest.mark.parametrize(
    "value",
    [b"{", b"nothing", b"", None, b"[]", b"7", b'"text"', b"null", b"\xff\xfe{}", b'{"edata": {}} {}'],
    ids=repr,
)
def test_an_unreadable_record_fails_alone(learners: Learners, value: bytes | None) -> None:
    learners.publish_value(value)
    assert outcome(learners) == "failed"
    (failed,) = learners.messages(FAILED)
    assert "raw" in failed or "raw_base64" in failed
    assert_nothing_written(learners)


@pytest.mark.parametrize("event", [{}, {"edata": None}, {"edata": []}, {"edata": "text"}], ids=repr)
def test_missing_edata_fails(learners: Learners, event: dict[str, Any]) -> None:
    learners.publish_value(json.dumps(event).encode())
    assert outcome(learners) == "failed"
    (failed,) = learners.messages(FAILED)
    assert {name: failed[name] for name in event} == event


@pytest.mark.parametrize("action", [None, "other", "batch-enrolment-sync", "", 7, {"a": 1}, ["batch-enrolment-update"]])
def test_another_action_is_skipped_whatever_else_is_wrong(learners: Learners, action: Any) -> None:
    learners.publish_edata({"action": action, "contents": "no array", "userId": 7})
    assert outcome(learners) == "skipped"
    assert learners.world.broker.published == []


def test_a_missing_action_is_skipped(learners: Learners) -> None:
    learners.publish_edata(without("action"))
    assert outcome(learners) == "skipped"


@pytest.mark.parametrize("action", ["BATCH-ENROLMENT-UPDATE", "Batch-Enrolment-Update"])
def test_the_action_counts_in_any_case(learners: Learners, action: str) -> None:
    learners.publish_edata(GOOD | {"action": action})
    assert outcome(learners) == "processed"


@pytest.mark.parametrize("contents", [None, [], [{"contentId": "do_r1", "status": 1}], [{}]], ids=repr)
def test_nothing_completed_is_skipped(learners: Learners, contents: Any) -> None:
    learners.publish_edata(GOOD | {"contents": contents})
    assert outcome(learners) == "skipped"


def test_missing_contents_are_skipped(learners: Learners) -> None:
    learners.publish_edata(without("contents"))
    assert outcome(learners) == "skipped"


@pytest.mark.parametrize("contents", [{}, {"contentId": "do_r1", "status": 2}, "do_r1", 7, True], ids=repr)
def test_contents_that_are_no_array_fail(learners: Learners, contents: Any) -> None:
    learners.publish_edata(GOOD | {"contents": contents})
    assert outcome(learners) == "failed"


@pytest.mark.parametrize("entry", [None, "do_r1", 7, []], ids=repr)
def test_an_entry_that_is_no_object_fails_the_event(learners: Learners, entry: Any) -> None:
    learners.publish_edata(GOOD | {"contents": [*completed("do_r1"), entry]})
    assert outcome(learners) == "failed"
    assert_nothing_written(learners)


@pytest.mark.parametrize("status", [2, 2.0])
def test_a_number_equal_to_two_is_completed(learners: Learners, status: Any) -> None:
    learners.publish_edata(GOOD | {"contents": [{"contentId": "do_r1", "status": status}]})
    assert outcome(learners) == "processed"


@pytest.mark.parametrize("status", ["2", 1, 3, 2.4, None, True, [2], {}], ids=repr)
def test_any_other_status_is_not_completed(learners: Learners, status: Any) -> None:
    learners.publish_edata(GOOD | {"contents": [{"contentId": "do_r1", "status": status}]})
    assert outcome(learners) == "skipped"


@pytest.mark.parametrize("content_id", [None, "", "  ", "\t"], ids=repr)
def test_a_blank_content_id_is_left_out_and_the_others_count(learners: Learners, content_id: Any) -> None:
    learners.publish_edata(
        GOOD | {"contents": [{"contentId": content_id, "status": 2}, {"status": 2}, *completed("do_r1")]}
    )
    assert outcome(learners) == "processed"
    assert learners.consumption("u-ada") == {"do_r1": (1, 1)}


@pytest.mark.parametrize("content_id", [None, "", "  "], ids=repr)
def test_only_blank_content_ids_are_skipped(learners: Learners, content_id: Any) -> None:
    learners.publish_edata(GOOD | {"contents": [{"contentId": content_id, "status": 2}, {"status": 2}]})
    assert outcome(learners) == "skipped"


@pytest.mark.parametrize("content_id", [7, 1.5, True, [], {"id": "do_r1"}], ids=repr)
def test_a_completed_content_whose_id_is_no_string_fails_the_event(learners: Learners, content_id: Any) -> None:
    learners.publish_edata(GOOD | {"contents": [{"contentId": content_id, "status": 2}, *completed("do_r1")]})
    assert outcome(learners) == "failed"
    assert_nothing_written(learners)


def test_the_content_id_of_an_entry_that_is_not_completed_is_not_looked_at(learners: Learners) -> None:
    learners.publish_edata(GOOD | {"contents": [{"contentId": 7, "status": 1}, *completed("do_r1")]})
    assert outcome(learners) == "processed"


@pytest.mark.parametrize("name", ["userId", "courseId", "batchId"])
@pytest.mark.parametrize(
    "value", [None, "", " ", "\u2003", 7, 7.5, True, [], {}, "x" * 40_000], ids=lambda v: repr(v)[:8]
)
def test_an_id_that_cannot_be_used_fails_the_event(learners: Learners, name: str, value: Any) -> None:
    learners.publish_edata(GOOD | {name: value})
    assert outcome(learners) == "failed"
    (failed,) = learners.messages(FAILED)
    assert failed["edata"][name] == value
    assert f"edata.{name}" in failed["failInfo"]["error"]
    assert failed["failInfo"]["errorCode"] == "INVALID_DATA"
    assert_nothing_written(learners)


@pytest.mark.parametrize("name", ["userId", "courseId", "batchId"])
def test_a_missing_id_fails_the_event(learners: Learners, name: str) -> None:
    learners.publish_edata(without(name))
    assert outcome(learners) == "failed"


@pytest.mark.parametrize("name", ["userId", "courseId", "batchId"])
def test_ids_are_not_looked_at_when_nothing_is_completed(learners: Learners, name: str) -> None:
    learners.publish_edata(GOOD | {name: 7, "contents": []})
    assert outcome(learners) == "skipped"


def test_ids_are_taken_verbatim(learners: Learners) -> None:
    learners.publish_edata(GOOD | {"userId": " U-Ada'; -- "})
    assert outcome(learners) == "processed"
    assert learners.consumption(" U-Ada'; -- ") == {"do_r1": (1, 1)}


@pytest.mark.parametrize("status", [None, 0, 1])
def test_an_enrolment_that_is_not_completed_is_updated(learners: Learners, status: int | None) -> None:
    learners.enrolled("u-ada", status=status)
    learners.publish_edata(GOOD)
    assert outcome(learners) == "processed"
    assert learners.enrolment("u-ada")["status"] == 1  # type: ignore[index]


def test_a_completed_enrolment_is_frozen_but_everything_else_goes_on(learners: Learners) -> None:
    learners.enrolled("u-ada", status=2, progress=1, contentstatus={"do_old": 2})
    before = learners.enrolment("u-ada")
    learners.publish_edata(GOOD | {"contents": completed("do_r1", "do_r2")})
    assert outcome(learners) == "processed"
    assert learners.enrolment("u-ada") == before
    assert learners.consumption("u-ada") == {"do_r1": (1, 1), "do_r2": (1, 1)}
    assert learners.aggregates("u-ada")["do_9001"] == 2.0
    assert len(learners.audits()) == 4
    assert len(learners.checksums) == 2
    assert learners.messages(CERTIFICATES) == []


def test_with_the_filter_off_an_enrolment_is_made_and_a_certificate_asked_for_again(learners: Learners) -> None:
    learners.settings = aggregate_settings(activity__filter__processed__enrolments="false")
    learners.publish_edata(GOOD | {"contents": completed("do_r1", "do_r2")})
    assert outcome(learners) == "processed"
    assert learners.enrolment("u-ada")["status"] == 2  # type: ignore[index]
    assert len(learners.messages(CERTIFICATES)) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (StatusFound("Live"), "Live"),
        (StatusFound("Unlisted"), "Unlisted"),
        (StatusUnknown("search service answered 500"), "unknown: search service answered 500"),
        (StatusUnknown("search service knows no such collection"), "unknown: search service knows no such collection"),
    ],
    ids=str,
)
def test_missing_leaf_nodes_fail_only_their_events(
    learners: Learners, answer: StatusFound | StatusUnknown, reason: str
) -> None:
    learners.world.collections.answers["do_9100"] = answer
    learners.enrolled("u-ada", course="do_9100")
    learners.publish_edata(GOOD | {"courseId": "do_9100"})
    learners.publish_edata(GOOD | {"courseId": "do_9100", "contents": completed("do_x2")})
    learners.publish_edata(GOOD)
    account = learners.run().account
    assert account.processed == 1
    assert account.failed == {"missing leaf nodes": 2}
    (failed,) = learners.messages(FAILED)
    assert failed["failInfo"]["error"] == f"missing leaf nodes for collection do_9100 (status {reason})"
    assert sorted(failed["contents"]) == ["do_r1", "do_x2"]
    assert {row["courseid"] for row in learners.world.rows.rows(CONSUMPTION)} == {"do_9001"}
    assert learners.world.collections.asked == ["do_9100"]


def test_the_failed_record_of_missing_leaf_nodes_tells_of_stored_contents_too(learners: Learners) -> None:
    learners.consumed("u-ada", "do_old", None, course="do_9100", viewcount=3)
    learners.publish_edata(GOOD | {"courseId": "do_9100"})
    learners.run()
    (failed,) = learners.messages(FAILED)
    assert failed["contents"]["do_old"] == {
        "contentId": "do_old",
        "status": 1,
        "completedCount": 0,
        "viewCount": 3,
        "fromInput": False,
        "eventsFor": [],
    }


def test_the_status_is_only_looked_up_when_leaf_nodes_are_missing(learners: Learners) -> None:
    learners.world.collections.answers["do_9001"] = StatusFound("Retired")
    learners.publish_edata(GOOD)
    assert outcome(learners) == "processed"
    assert learners.world.collections.asked == []
    assert learners.aggregates("u-ada")["do_9001"] == 1.0


@pytest.mark.parametrize("store", ["rows", "relation sets", "checksums", "kafka"])
def test_a_store_that_cannot_be_read_fails_the_run_with_nothing_written(learners: Learners, store: str) -> None:
    world = learners.world
    if store == "rows":
        world.rows = rows = FailingRows(world.journal)
        rows.reads_fail = True
    elif store == "kafka":
        world.broker = broker = FailingBroker(world.journal)
        broker.reads_fail = True
    else:
        world.caches = caches = FailingCaches(world.journal)
        caches.reads_fail = True
        if store == "relation sets":
            learners.settings = aggregate_settings(activity__input__dedup__enabled="false")
    learners.publish_edata(GOOD)
    with pytest.raises(ServiceUnavailable):
        learners.run()
    assert not any(line.startswith(("rows", "cache", "publish", "plan", "commit")) for line in world.journal)


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_store_that_cannot_be_written_fails_the_run_before_anything_is_sent_or_committed(
    learners: Learners, writes: int
) -> None:
    world = learners.world
    world.rows = rows = FailingRows(world.journal)
    learners.enrolled("u-ada")
    rows.writes_before_failure = writes
    learners.publish_edata(GOOD)
    with pytest.raises(ServiceUnavailable):
        learners.run()
    assert world.broker.published == []
    assert world.broker.commits == []
    assert learners.checksums == set()
    # The next attempt carries out what was planned.
    rows.writes_before_failure = None
    result = learners.execute(learners.keys[0], now=1_900_000_000.0)
    assert result.from_stored_plan
    assert learners.consumption("u-ada") == {"do_r1": (1, 1)}
    assert len(world.rows.rows(AGGREGATES)) == 2
    assert len(learners.audits()) == 2
