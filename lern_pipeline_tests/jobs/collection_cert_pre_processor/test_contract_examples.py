"""The worked examples of the contract (section 14), and what it says of counting and replays (10, 13)."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.microbatch.service_readers import TypeUnknown, UserBlocked
from lern_pipeline_tests.jobs.collection_cert_pre_processor.certificates import (
    ATTENDANCE,
    COMPLETED_MS,
    MERIT,
    STARTED,
    USER,
    Certificates,
    account,
    certificate_settings,
    counters,
    issue,
)

pytestmark = pytest.mark.contracts


def test_ex_1_happy_path(state_s: Certificates) -> None:
    result = state_s.run_events(issue())
    (request,) = state_s.requests
    assert request.pop("mid").startswith("LMS.")
    assert request == {
        "eid": "BE_JOB_REQUEST",
        "ets": int(STARTED * 1000),
        "actor": {"id": "Certificate Generator", "type": "System"},
        "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.learning.platform"}},
        "object": {"id": "u501", "type": "GenerateCertificate"},
        "edata": {
            "issuedDate": "2024-03-05",
            "data": [{"recipientName": "Asha", "recipientId": "u501"}],
            "criteria": {"narrative": "Merit Certificate"},
            "svgTemplate": "https://cdn.example.org/content/content/do_t1/artifact/merit.svg",
            "oldId": "",
            "templateId": "do_t1",
            "userId": "u501",
            "orgId": "org9",
            "issuer": {"name": "Example Board", "url": "https://board.example.org"},
            "signatoryList": [
                {
                    "id": "DIR",
                    "name": "A. Roy",
                    "designation": "Director",
                    "image": "https://img.example.org/dir.png",
                }
            ],
            "courseName": "RoadSafety",
            "basePath": "https://lms.example.org/certs",
            "name": "Merit Certificate",
            "tag": "0140077",
            "related": {
                "batchId": "0140077",
                "courseId": "do_900",
                "type": "Merit Certificate",
                "location": {"state": "Kerala"},
                "enrollment": {"completedOn": COMPLETED_MS},
                "assessment": {"score": {"do_a": 70.0}},
                "channel": "north",
                "course": {"name": "RoadSafety"},
            },
        },
    }
    (message,) = state_s.world.broker.published
    assert message.key is None
    assert message.headers == []
    assert counters(result) == {"total-events-count": 1, "success-events-count": 1, "db-read-count": 2}


CERTIFICATES = [{"name": "merit certificate", "identifier": "1-aaa"}, {"name": "Other", "identifier": "1-bbb"}]


def test_ex_2_issued_already(state_s: Certificates) -> None:
    state_s.enrolled(issued_certificates=CERTIFICATES)
    result = state_s.run_events(issue())
    assert state_s.requests == state_s.world.users.asked == []
    assert counters(result) == {"total-events-count": 1, "skipped-event-count": 1, "db-read-count": 1}


def test_ex_2_re_issue(state_s: Certificates) -> None:
    state_s.run_events(issue())
    expected = state_s.edata() | {"oldId": "1-aaa"}
    state_s.enrolled(issued_certificates=CERTIFICATES)
    state_s.run_events(issue(reIssue=True))
    assert state_s.requests[1]["edata"] == expected


def test_ex_3_two_templates(state_s: Certificates) -> None:
    stricter = MERIT | {"criteria": '{"enrollment":{"status":2},"assessment":{"score":{">":70}}}'}
    state_s.templates(stricter, ATTENDANCE, ATTENDANCE | {"url": "https://x/y.pdf"})
    result = state_s.run_events(issue())
    edata = state_s.edata()
    assert edata["name"] == "Attendance"
    assert edata["related"] == {"batchId": "0140077", "courseId": "do_900", "type": "Attendance"}
    assert (edata["issuer"], edata["signatoryList"]) == ({}, [])
    assert counters(result) | {"db-read-count": 0} == {
        "total-events-count": 1,
        "success-events-count": 1,
        "skipped-event-count": 1,
        "db-read-count": 0,
    }
    assert account(result) == (1, 0, 0)


def test_ex_4_blocked_user(state_s: Certificates) -> None:
    state_s.profile(answer=UserBlocked())
    result = state_s.run_events(issue())
    assert state_s.requests == state_s.failed == []
    assert counters(result)["skipped-event-count"] == 1
    assert result.account.skipped == {"user is blocked": 1}


def test_ex_5_a_broken_template_does_not_block_the_other(state_s: Certificates) -> None:
    state_s.templates(MERIT | {"criteria": '{"users":'}, ATTENDANCE)
    result = state_s.run_events(issue())
    assert state_s.edata()["name"] == "Attendance"
    (record,) = state_s.failed
    assert record["edata"] == issue()["edata"]
    assert record["jobName"] == "collection-cert-pre-processor"
    assert record["failInfo"]["errorCode"] == "INVALID_TEMPLATE"
    assert record["failInfo"]["error"].startswith("do_t1: criteria is not JSON")
    assert counters(result)["failed-events-count"] == 1
    assert account(result) == (0, 0, 1)


@pytest.mark.parametrize("is_outage", [False, True])
def test_ex_6_metadata_unavailable(state_s: Certificates, is_outage: bool) -> None:
    state_s.world.caches.database("redis-meta", 5).clear()
    state_s.world.contents.types = {"do_a": TypeUnknown(is_outage), "do_b": TypeUnknown(is_outage)}
    result = state_s.run_events(issue())
    assert (account(result), state_s.requests) == ((0, 1, 0), [])
    assert bool(result.warnings) is is_outage
    state_s.settings = certificate_settings(enable_suppress_exception="false")
    result = state_s.run_events(issue())
    assert account(result) == (0, 0, 1)
    assert state_s.told() == ("ERR_API_CALL", "do_t1: Metadata not available in cache or API do_a")


# --- replays (10)


def generated(world: Certificates, identifier: str) -> None:
    """The generator has done what it was last asked for."""
    world.enrolled(issued_certificates=[{"name": "Merit Certificate", "identifier": identifier}])


def test_a_request_replayed_after_it_was_generated_asks_for_nothing(state_s: Certificates) -> None:
    state_s.run_events(issue())
    generated(state_s, "1-new")
    state_s.rewind()
    assert account(state_s.run()) == (0, 1, 0)
    assert len(state_s.requests) == 1


def test_a_re_issue_is_replayed_only_once_however_often_the_lane_is_rewound(state_s: Certificates) -> None:
    generated(state_s, "1-old")
    state_s.run_events(issue(reIssue=True))
    generated(state_s, "1-new")
    for _ in range(2):
        state_s.rewind()
        result = state_s.run()
        assert result.account.skipped == {"re-issued already": 1}
        assert result.plan.metrics["skipped-event-count"] == 1
    assert [request["edata"]["oldId"] for request in state_s.requests] == ["1-old"]
    # Asked for once more it is another re-issue.
    state_s.run_events(issue(reIssue=True))
    assert [request["edata"]["oldId"] for request in state_s.requests] == ["1-old", "1-new"]


def test_a_topic_made_anew_has_other_records_at_the_same_offsets(state_s: Certificates) -> None:
    generated(state_s, "1-old")
    record = state_s.publish(issue(reIssue=True))
    state_s.run()
    later: Any = type(record)(record.partition, record.offset, record.timestamp + 1, record.key, record.value)
    state_s.world.broker.partitions[0] = [later]
    state_s.rewind()
    state_s.base += "/anew"
    assert account(state_s.run(STARTED + 1)) == (1, 0, 0)


def test_what_a_re_issue_left_out_is_done_when_it_is_replayed(state_s: Certificates) -> None:
    generated(state_s, "1-old")
    state_s.templates(MERIT, ATTENDANCE | {"criteria": "{"})
    assert account(state_s.run_events(issue(reIssue=True))) == (0, 0, 1)
    state_s.templates(MERIT, ATTENDANCE)
    state_s.rewind()
    assert account(state_s.run()) == (1, 0, 0)
    assert [request["edata"]["name"] for request in state_s.requests] == ["Merit Certificate", "Attendance"]


def test_a_rerun_publishes_no_re_issue_again_and_accounts_alike(state_s: Certificates) -> None:
    generated(state_s, "1-old")
    first = state_s.run_events(issue(reIssue=True))
    generated(state_s, "1-new")
    again = state_s.execute(state_s.keys[0], STARTED + 60, rerun=True)
    assert again.account == first.account
    assert len(state_s.requests) == 1
    # Nor does the rerun's rewind.
    state_s.rewind()
    assert account(state_s.run(STARTED + 120)) == (0, 1, 0)


def test_only_re_issues_are_remembered(state_s: Certificates) -> None:
    result = state_s.run_events(issue(), issue(reIssue=None))
    assert result.plan.rows == []
    assert state_s.world.rows.tables == {}
    assert len(state_s.requests) == 2


def test_the_ledger_forgets_after_the_days_that_are_set(state_s: Certificates) -> None:
    state_s.settings = certificate_settings(ledger_retention_days="10")
    state_s.run_events(issue(reIssue=True))
    (table,) = state_s.world.rows.tables.values()
    assert table.full_name == "lern_pipeline.reissued_certificates"
    assert table.statement().endswith("WITH default_time_to_live = 864000")
    (writes,) = state_s.world.rows.written
    assert USER not in str(writes.rows)


def test_an_issue_and_the_re_issue_behind_it_stay_in_order(state_s: Certificates) -> None:
    generated(state_s, "1-old")
    state_s.templates(MERIT, ATTENDANCE)
    state_s.run_events(issue(), issue(reIssue=True), issue())
    found = [(request["edata"]["name"], request["edata"]["oldId"]) for request in state_s.requests]
    assert found == [("Attendance", ""), ("Merit Certificate", "1-old"), ("Attendance", ""), ("Attendance", "")]


def test_everything_is_read_once(state_s: Certificates) -> None:
    state_s.templates(MERIT, ATTENDANCE)
    state_s.enrolled("u502")
    state_s.profile("u502")
    state_s.course("{}")
    state_s.world.contents.names["do_900"] = "Road Safety"
    state_s.run_events(*[issue("u501", "u502") for _ in range(5)])
    assert sorted(state_s.world.users.asked) == ["u501", "u502"]
    assert sorted(state_s.world.contents.asked) == ["do_900", "do_b"]
    assert set(state_s.world.caches.reads.values()) == {1}
    assert dict(state_s.world.rows.selects) == {
        "sunbird_courses.course_batch": 1,
        "sunbird_courses.user_enrolments": 2,
        "sunbird_courses.user_activity_agg": 2,
    }


def test_who_has_not_earned_anything_is_not_asked_for(state_s: Certificates) -> None:
    state_s.enrolled(status=1)
    state_s.run_events(issue(), issue(batchId="other"))
    assert state_s.world.users.asked == state_s.world.contents.asked == []
    assert not state_s.world.rows.selects["sunbird_courses.user_activity_agg"]
    assert not state_s.world.caches.reads
