"""The decision table of contract section 2: what each event leads to."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline_tests.jobs.notification_job.post_office import (
    MAIL,
    PUSH,
    SMS,
    PostOffice,
    changed,
    counts,
    envelope,
    metrics,
    notification_settings,
)

pytestmark = pytest.mark.rules

PROCESSED, SKIPPED, FAILED = (1, 0, 0), (0, 1, 0), (0, 0, 1)


def wrong(**members: Any) -> Any:
    return envelope(SMS) | members


@pytest.mark.parametrize(
    "event",
    [
        changed(envelope(SMS), edata=...),
        wrong(edata=None),
        wrong(edata={}),
        wrong(edata="text"),
        wrong(edata=[envelope(SMS)["edata"]]),
        wrong(edata={"iteration": 1}),
        envelope(SMS, action=None),
        envelope(SMS, action=5),
        envelope(SMS, action="broadcast-topic-notification"),
    ],
)
def test_is_ignored_and_counts_in_the_total_alone(office: PostOffice, event: Any) -> None:
    office.publish(event)
    result = office.run()
    assert counts(result) == SKIPPED
    assert metrics(result) == {"total": 1}
    assert office.tried == office.world.broker.published == []


@pytest.mark.parametrize("value", [b"{", b"[]", b"", None, b"\xff", b"42"])
def test_an_unreadable_record_fails_alone_and_is_no_failed_send(office: PostOffice, value: bytes | None) -> None:
    office.publish(value)
    office.notify(SMS)
    result = office.run()
    assert counts(result) == (1, 0, 1)
    assert metrics(result) == {"total": 2, "success": 1}
    assert len(office.published("dev.lern.pipeline.failed")) == 1


@pytest.mark.parametrize(
    "event",
    [
        envelope(SMS, request=None),
        envelope(SMS, request="text"),
        envelope(SMS, request={}),
        envelope(None),
        envelope([]),
        envelope(changed(SMS, mode=...)),
        envelope(changed(SMS, mode=None)),
        envelope(changed(SMS, mode=1)),
        envelope(changed(SMS, template=None)),
        envelope(changed(SMS, template=...)),
        envelope(changed(SMS, template="text")),
        envelope(changed(SMS, template={"data": 5})),
        envelope(changed(SMS, ids="9000000001")),
        envelope(changed(SMS, ids=[], template=None)),
        envelope(changed(MAIL, ids=None)),
        envelope(changed(MAIL, ids=...)),
        envelope(changed(MAIL, config=None)),
        envelope(changed(MAIL, config=...)),
        envelope(changed(MAIL, template=None)),
        envelope(changed(MAIL, template=...)),
        envelope(changed(MAIL, config={"subject": 5})),
        envelope(changed(PUSH, rawData=None)),
        envelope(changed(PUSH, rawData=...)),
        envelope(changed(PUSH, rawData="text")),
        envelope(changed(PUSH, ids=None)),
        envelope(changed(PUSH, ids=[])),
        envelope(changed(PUSH, ids=..., config=...)),
        envelope(changed(PUSH, ids=None, config={"topic": " "})),
    ],
)
def test_is_a_permanent_failure(office: PostOffice, event: Any) -> None:
    record = office.publish(event)
    result = office.run()
    assert counts(result) == SKIPPED
    assert metrics(result) == {"total": 1, "skipped": 1}
    assert office.tried == office.world.broker.published == []
    (warning,) = result.warnings
    assert f"offset {record.offset}" in warning
    assert "permanent failure" in warning


@pytest.mark.parametrize(
    "notification",
    [
        changed(SMS, ids=[]),
        changed(SMS, ids=[None, "", "          ", "123456789", True, {}, 5.5]),
        changed(SMS, template={"data": None}),
        changed(SMS, template={}),
        changed(SMS, template={"data": " \n"}),
        changed(MAIL, ids=[]),
        changed(MAIL, template={"data": None}),
        changed(PUSH, ids=[None, " "]),
        changed(SMS, mode="pigeon"),
        changed(SMS, mode=""),
        changed(SMS, mode=" phone"),
    ],
)
def test_fails_without_a_call_and_is_retried_once(office: PostOffice, notification: Any) -> None:
    office.notify(notification)
    result = office.run()
    assert counts(result) == FAILED
    assert metrics(result) == {"total": 1, "failed": 1}
    assert office.take_up_retries() == 1
    result = office.run()
    assert counts(result) == SKIPPED
    assert metrics(result) == {"total": 1, "skipped": 1}
    assert office.take_up_retries() == 0
    assert office.tried == []


@pytest.mark.parametrize("notification", [changed(SMS, ids=None), changed(SMS, ids=..., template=None)])
def test_nobody_to_send_an_sms_to_is_success(office: PostOffice, notification: Any) -> None:
    office.notify(notification)
    result = office.run()
    assert metrics(result) == {"total": 1, "success": 1}
    assert office.tried == []


@pytest.mark.parametrize(
    ("notification", "channel"),
    [
        (changed(SMS, mode="PHONE"), "sms"),
        (changed(MAIL, mode="EMAIL"), "mail"),
        (changed(PUSH, mode="Device"), "push"),
        (changed(SMS, deliveryType="otp"), "sms"),
        (changed(SMS, rawData=..., config=...), "sms"),
        (changed(MAIL, template={"data": ""}), "mail"),
        (changed(MAIL, config={"subject": None}), "mail"),
        (changed(PUSH, template=..., config=...), "push"),
        (changed(PUSH, rawData={}), "push"),
    ],
)
def test_is_sent(office: PostOffice, notification: Any, channel: str) -> None:
    office.notify(notification)
    assert metrics(office.run()) == {"total": 1, "success": 1}
    assert len(getattr(office, channel).sent) == len(office.tried) == 1


def test_numbers_are_taken_as_they_are_and_too_short_ones_left_out(office: PostOffice) -> None:
    office.notify(changed(SMS, ids=[9000000001, "+912345678", 9000000003.0, "123", "not a number"]))
    office.run()
    assert office.sms.sent[0].to == ["9000000001", "+912345678", "9000000003", "not a number"]


def test_a_mail_to_somebody_who_is_no_text_goes_to_nobody_by_the_channels_check(office: PostOffice) -> None:
    office.notify(changed(MAIL, ids=["a@lern.test", None, 5]))
    office.run()
    assert office.mail.tried[0].to == ["a@lern.test", "", ""]


@pytest.mark.parametrize(
    ("iteration", "retried"),
    [
        (1, True), (0, True), (-7, True), (None, True), ("1", True), ("-3", True), ("+1", True),
        (2, False), (3, False), ("2", False), ("x", False), ("", False), (1.0, False), (True, False), ([], False),
        ("9" * 5000, False), ("-" + "9" * 5000, True), (10**400, False),
    ],
)  # fmt: skip
def test_only_before_the_second_iteration_there_is_a_retry(office: PostOffice, iteration: Any, retried: bool) -> None:
    office.notify(changed(SMS, ids=[]), iteration=iteration)
    assert counts(office.run()) == (FAILED if retried else SKIPPED)
    assert [event["edata"]["iteration"] for event in office.published()] == ([2] if retried else [])


def test_without_an_iteration_it_is_the_first(office: PostOffice) -> None:
    event = envelope(changed(SMS, ids=[]))
    del event["edata"]["iteration"]
    office.publish(event)
    assert counts(office.run()) == FAILED


def test_a_dead_letter_topic_gets_what_is_lost_as_it_came(tmp_path: Any) -> None:
    office = PostOffice(str(tmp_path), notification_settings(kafka_output_deadletter_topic="{env}.dead"))
    lost = [
        office.notify(changed(SMS, mode=None), mid="permanent"),
        office.notify(changed(SMS, ids=[]), mid="twice", iteration=2),
    ]
    office.publish(envelope(SMS, action="other"))
    office.notify(SMS, mid="sent")
    office.run()
    dead = [message for message in office.world.broker.published if message.topic == "dev.dead"]
    assert sorted(message.value for message in dead) == sorted(record.value or b"" for record in lost)
    assert {dict(message.headers)["offset"] for message in dead} == {b"0", b"1"}


def test_of_many_lost_events_a_few_are_named(office: PostOffice) -> None:
    for number in range(50):
        office.notify(changed(SMS, mode=None), mid=f"m{number}")
    warnings = office.run().warnings
    assert len(warnings) == 21
    assert warnings[-1] == "and 30 more events like these"
