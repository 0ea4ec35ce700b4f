"""Worked examples of contract collection-certificate-generator 20, and what it requires beyond them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.microbatch.service_readers import UserBlocked
from lern_pipeline_tests.jobs.certificates.learners import ATTENDANCE, EDATA, REGISTRY, Platform

pytestmark = pytest.mark.contracts

MERIT = {
    "name": "Merit Certificate",
    "identifier": "1-1",
    "token": "",
    "lastIssuedOn": "2024-03-06T07:15:30.042+0000",
    "templateUrl": "https://cdn.example.org/content/t1/merit.svg",
    "type": "TrainingCertificate",
}
RC_BODY = {
    "certificateLabel": "Merit Certificate",
    "status": "ACTIVE",
    "templateUrl": "https://cdn.example.org/content/t1/merit.svg",
    "training": {"id": "do_900", "name": "Road Safety", "type": "Course", "batchId": "0140077"},
    "recipient": {"id": "u501", "name": "Asha"},
    "issuer": {"url": "https://board.example.org", "name": "Example Board", "kid": "1-key"},
    "signatory": EDATA["signatoryList"],
}
MAIL = {
    "subject": "Well done",
    "stateImgUrl": "https://cdn.example.org/content/img/logo.png",
    "regards": "Board",
    "regardsperson": "A. Roy",
    "emailTemplateType": "defaultCertTemp",
    "firstName": "Asha",
    "TrainingName": "Road Safety",
    "heldDate": "2024-03-05",
    "recipientUserIds": ["u501"],
    "body": "email body",
}
SMS = (
    "Congratulations! Download your course certificate from your profile page. If you have a problem downloading it on "
    "the mobile, update your Learn app"
)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    platform = Platform(tmp_path)
    platform.enrol(held=[ATTENDANCE], phone="******83")
    return platform


def test_example_1_first_issue(platform: Platform) -> None:
    platform.ask()
    result = platform.run()
    assert platform.registry.created == [RC_BODY]
    assert platform.held() == [ATTENDANCE, MERIT]
    (audit,) = platform.audits
    assert audit["actor"] == {"id": "u501", "type": "User"}
    assert audit["context"]["cdata"] == [{"type": "CourseBatch", "id": "0140077"}]
    assert audit["object"] == {"id": "1-1", "type": "Certificate", "rollup": {"l1": "do_900"}}
    assert platform.certificates.notifications.taken == [MAIL, MAIL | {"body": SMS, "mode": "sms"}]
    (entry,) = platform.certificates.feed.taken
    assert entry["data"]["actionData"]["title"] == "Road Safety"
    assert result.plan.metrics == {
        "total-events-count": 1,
        "success-events-count": 1,
        "skipped-event-count": 0,
        "failed-events-count": 0,
        "enrollment-db-read-count": 2,
        "db-update-user-enrollment-count": 1,
        "db-course-batch-read-count": 1,
        "notified-user-count": 1,
        "user-feed-count": 1,
    }


def test_example_2_replay_is_skipped(platform: Platform) -> None:
    platform.ask()
    platform.run()
    platform.next_batch()
    platform.ask()
    journal = len(platform.world.journal)
    assert platform.run().account.skipped == {"already issued": 1}
    assert not [line for line in platform.world.journal[journal:] if line.startswith(("claim", "rows", "publish"))]


def test_example_3_re_issue_of_a_certificate_of_the_old_registry(platform: Platform) -> None:
    platform.enrol(held=[{"name": "MERIT certificate", "identifier": "8e57-old", "token": "P4L3Y9"}, ATTENDANCE])
    platform.world.rows.give(REGISTRY, {"id": "8e57-old"}, {"accesscode": "P4L3Y9"})
    platform.certificates.documents.indices["certs"] = {"8e57-old": {}, "other": {}}
    platform.ask(oldId="8e57-old")
    platform.run()
    assert platform.registry.created == [RC_BODY | {"oldId": "8e57-old"}]
    assert platform.held() == [ATTENDANCE, MERIT]
    assert platform.world.rows.rows(REGISTRY) == []
    assert platform.certificates.documents.indices["certs"].keys() == {"other"}
    journal = platform.world.journal
    assert journal.index("create Merit Certificate") < journal.index("delete 8e57-old")
    platform.next_batch()
    platform.ask(oldId="8e57-old")
    assert platform.run().account.skipped_total == 1
    assert len(platform.registry.created) == 1


def test_example_4_validation_failure(platform: Platform) -> None:
    platform.ask(svgTemplate="")
    assert platform.run().account.failed_total == 1
    (failed,) = platform.failed
    assert failed["jobName"] == "collection-certificate-generator"
    assert failed["failInfo"]["errorCode"] == "MANDATORY_PARAMETER_MISSING"
    assert failed["failInfo"]["error"] == "Mandatory parameter edata.svgTemplate is missing."
    assert not platform.world.rows.selects.total()


@pytest.mark.parametrize(("suppress", "failed"), [("true", 0), ("false", 1)])
def test_signatories_are_needed_unless_suppressed(suppress: str, failed: int, tmp_path: Path) -> None:
    platform = Platform(tmp_path, LERN_PIPELINE_ENABLE_SUPPRESS_EXCEPTION=suppress)
    platform.enrol()
    platform.ask(signatoryList=[])
    assert platform.run().account.failed_total == failed


def test_example_5_rc_is_down(platform: Platform) -> None:
    def unavailable() -> None:
        raise CallFailed(503, is_outage=True, certain=False)

    platform.registry.before["u501"] = unavailable
    platform.ask()
    assert platform.run().account.failed_total == 1
    (failed,) = platform.failed
    assert failed["failInfo"]["errorCode"] == "ERR_API_CALL"
    assert failed["failInfo"]["error"] == (
        "Something Went Wrong While Making API Call:  service.rc.create.api | Status is: 503"
    )
    assert (platform.held(), platform.audits, platform.certificates.notifications.taken) == ([ATTENDANCE], [], [])


def test_example_6_a_blocked_user_gets_the_certificate_and_the_feed_entry(platform: Platform) -> None:
    platform.world.users.answers["u501"] = UserBlocked()
    platform.ask()
    result = platform.run()
    assert result.plan.metrics["skipped-notify-user-count"] == 1
    assert result.plan.metrics["success-events-count"] == 1
    assert (len(platform.certificates.notifications.taken), len(platform.certificates.feed.taken)) == (0, 1)


def test_example_7_special_characters(platform: Platform) -> None:
    platform.ask(data=[{"recipientName": 'Søren Ødegård "Ø"', "recipientId": "u501"}])
    platform.run()
    assert platform.registry.created[0]["recipient"]["name"] == 'Søren degård ""'


def test_a_mail_that_is_refused_is_counted_and_stops_nothing(platform: Platform) -> None:
    platform.certificates.notifications.refused["u501"] = CallFailed(400)
    platform.ask()
    result = platform.run()
    assert result.account.processed == 1
    assert result.plan.metrics["failed-events-count"] == 2
    assert result.warnings == ["1 × SMS not sent: answered 400", "1 × mail not sent: answered 400"]
    assert len(platform.certificates.feed.taken) == 1


def test_two_requests_of_one_learner_keep_their_order_and_do_not_wait_for_others(platform: Platform) -> None:
    platform.enrol("u502")

    def refused() -> None:
        raise CallFailed(400)

    platform.registry.before["u502"] = refused
    platform.ask()
    platform.ask("u502")
    platform.ask(name="Other")
    result = platform.run()
    assert [entry["name"] for entry in platform.held()] == ["Attendance", "Merit Certificate", "Other"]
    assert (result.account.processed, result.account.failed_total) == (2, 1)
    assert platform.registry.key_searches == 1


def test_of_equal_requests_in_a_batch_the_first_is_kept(platform: Platform) -> None:
    platform.ask()
    platform.ask(name="MERIT certificate")
    result = platform.run()
    assert (result.account.processed, result.account.skipped) == (1, {"already issued": 1})
    assert len(platform.registry.created) == 1


def test_several_recipients_delete_the_old_certificate_once(platform: Platform) -> None:
    platform.registry.kept["1-old"] = {"osid": "1-old", "status": "ACTIVE"}
    platform.enrol(held=[{"name": "Merit Certificate", "identifier": "1-old"}])
    platform.ask(oldId="1-old", data=[{"recipientName": name, "recipientId": "u501"} for name in ("A", "B")])
    platform.run()
    assert platform.world.journal.count("delete 1-old") == 1
    assert [entry["identifier"] for entry in platform.held()] == ["1-3"]


def test_a_malformed_template_fails_the_event_but_not_the_certificate(platform: Platform) -> None:
    batch = {"courseid": "do_900", "batchid": "0140077"}
    templates = {"do_t1": {"notifyTemplate": '{"subject": {"en": "x"}}'}}
    platform.world.rows.give("sunbird_courses.course_batch", batch, {"cert_templates": templates})
    platform.ask()
    assert platform.run().account.failed == {"notifyTemplate.subject is nested": 1}
    assert platform.held() == [ATTENDANCE, MERIT]
    assert len(platform.certificates.feed.taken) == 1


def test_without_completion_the_course_was_held_today(platform: Platform) -> None:
    key = {"userid": "u501", "courseid": "do_900", "batchid": "0140077"}
    platform.world.rows.give("sunbird_courses.user_enrolments", key, {"completedon": None})
    platform.ask()
    platform.run()
    assert platform.certificates.notifications.taken[0]["heldDate"] == "2024-03-06"
