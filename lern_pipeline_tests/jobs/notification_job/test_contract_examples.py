"""The worked examples of contract section 13, on the job's rules and the engine; requests and mails themselves are
tested with the clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline.microbatch.channels import NotSent, Push, Sent, Sms
from lern_pipeline_tests.jobs.notification_job.post_office import (
    MAIL,
    MID,
    PUSH,
    SMS,
    TOPIC,
    PostOffice,
    changed,
    counts,
    envelope,
    metrics,
    notification_settings,
)

pytestmark = pytest.mark.contracts

TEXT = "Done: 100% & more"


def answers_500(message: object) -> NotSent:
    return NotSent("MSG91 answered 500")


def test_e1_sms_success(office: PostOffice) -> None:
    office.notify(changed(SMS, ids=["9000000001", "12345", "+919000000002"]))
    result = office.run()
    assert office.sms.sent == [Sms(TEXT, ["9000000001", "+919000000002"])]
    assert metrics(result) == {"total": 1, "success": 1}
    assert office.published() == []


def test_e2_fails_is_retried_and_dropped(office: PostOffice) -> None:
    office.sms.answer = answers_500
    office.notify(SMS)
    assert metrics(office.run()) == {"total": 1, "failed": 1}
    assert office.published() == [
        {
            "actor": {"id": "BroadCast Topic Notification", "type": "System"},
            "eid": "BE_JOB_REQUEST",
            "mid": MID,
            "trace": {"X-Request-ID": None, "X-Trace-Enabled": "false"},
            "edata": {
                "action": "broadcast-topic-notification-all",
                "iteration": 2,
                "request": {
                    "notification": {
                        "mode": "phone",
                        "deliveryType": "message",
                        "config": {},
                        "ids": ["9000000001", "+919000000002"],
                        "template": {"data": TEXT, "params": {"x": "y"}},
                    }
                },
            },
            "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
            "object": {"id": "h1", "type": "TopicNotifyAll"},
        }
    ]
    assert office.take_up_retries() == 1
    result = office.run()
    assert metrics(result) == {"total": 1, "skipped": 1}
    assert office.sms.tried == [Sms(TEXT, SMS["ids"])] * 2
    assert office.take_up_retries() == 0
    assert MID in " ".join(result.warnings)
    assert "9000000001" not in " ".join(result.warnings)


def test_e3_mail(office: PostOffice) -> None:
    office.notify(MAIL)
    office.notify(changed(MAIL, ids=["a@lern.test", "b@lern.test"]), mid="m2")
    office.run()
    first, second = sorted(office.mail.sent, key=lambda mail: len(mail.to))
    assert (first.subject, first.html, first.to) == ("Grüße", "<p>Hi $name</p>", ["a@lern.test"])
    assert second.to == ["a@lern.test", "b@lern.test"]
    assert first.id != second.id


def test_e3_a_refused_recipient_means_a_retry(office: PostOffice) -> None:
    office.mail.answer = lambda mail: NotSent("the mail server refused a recipient with 550")
    office.notify(MAIL)
    assert metrics(office.run()) == {"total": 1, "failed": 1}
    assert len(office.published()) == 1


def test_e4_push_by_the_legacy_protocol_is_one_request(office: PostOffice) -> None:
    office.notify(PUSH)
    result = office.run()
    assert office.push.sent == [Push('{"type":1,"actionData":{"title":"New"}}', ["t1", "t2"])]
    assert metrics(result) == {"total": 1, "success": 1}


def test_e4_push_by_v1_is_a_request_per_token_and_one_that_is_taken_is_enough(tmp_path: Path) -> None:
    office = PostOffice(str(tmp_path), notification_settings(fcm_service_account_json="{}"))
    office.push.answer = lambda push: NotSent("FCM answered 404") if push.tokens == ["t2"] else Sent()
    office.notify(PUSH)
    result = office.run()
    assert sorted(push.tokens for push in office.push.tried) == [["t1"], ["t2"]]
    assert metrics(result) == {"total": 1, "success": 1}
    assert office.published() == []


def test_e4_push_to_a_topic(office: PostOffice) -> None:
    office.notify(changed(PUSH, ids=None, config={"topic": "all-users"}))
    office.run()
    assert [(push.tokens, push.topic) for push in office.push.sent] == [([], "all-users")]


def test_e5_ignored_and_poison(office: PostOffice) -> None:
    office.publish(envelope(SMS, action="other"))
    result = office.run()
    assert metrics(result) == {"total": 1}
    assert counts(result) == (0, 1, 0)
    office.publish({"edata": {"action": "broadcast-topic-notification-all", "iteration": 1}})
    office.notify(SMS)
    result = office.run()
    assert metrics(result) == {"total": 2, "success": 1, "skipped": 1}
    assert office.published() == []


def test_e6_replay_of_e1(office: PostOffice) -> None:
    office.notify(SMS)
    office.run()
    office.go_back()
    result = office.run()
    assert len(office.sms.tried) == 1
    assert metrics(result) == {"total": 1, "skipped": 1}


def test_the_topics_name(office: PostOffice) -> None:
    assert office.settings.text("kafka.input.topic") == TOPIC
