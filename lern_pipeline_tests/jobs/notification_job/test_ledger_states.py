"""Each notification is sent once, whatever is repeated (contract section 8): the states of the ledger, the keys,
the order of one message id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.jobs.notification_job import performers
from lern_pipeline.microbatch import effects_run as effects_run_module
from lern_pipeline.microbatch.channels import NotSent, Push, Sent
from lern_pipeline_tests.jobs.notification_job.post_office import (
    MAIL,
    MID,
    PUSH,
    SMS,
    STARTED,
    PostOffice,
    changed,
    counts,
    envelope,
    metrics,
    notification_settings,
)
from lern_pipeline_tests.microbatch.test_crash import Crash, CrashingOnce

pytestmark = pytest.mark.rules

JOB = "notification-job"


def refuses(message: object) -> NotSent:
    return NotSent("refused")


def crash_at(boundary: str, office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs all that is new and dies there."""
    with monkeypatch.context() as patch:
        patch.setattr(effects_run_module, "crash_point", CrashingOnce(boundary))
        with pytest.raises(Crash):
            office.run()


def test_the_batch_again_sends_nothing_and_comes_to_the_same(office: PostOffice) -> None:
    office.mail.answer = refuses
    office.notify(SMS)
    office.notify(MAIL, mid="m2")
    office.run()
    result = office.execute(office.keys[0], attempt=2, rerun=True)
    assert metrics(result) == {"total": 2, "success": 1, "failed": 1}
    assert len(office.tried) == 2
    assert len(office.published()) == 1


@pytest.mark.parametrize(("mid", "iteration"), [(MID, 1), (MID, 2), (None, 1), ("", 1), (7, 1)])
def test_the_same_record_in_another_batch_is_skipped(office: PostOffice, mid: Any, iteration: int) -> None:
    office.notify(SMS, mid=mid, iteration=iteration)
    office.run()
    office.go_back()
    result = office.run()
    assert len(office.sms.tried) == 1
    assert metrics(result) == {"total": 1, "skipped": 1}


def test_an_event_without_a_mid_is_none_other(office: PostOffice) -> None:
    """Neither are those with a blank one, or one that is no text."""
    for mid in (None, None, "", " ", 7, 7):
        office.notify(SMS, mid=mid)
    assert metrics(office.run()) == {"total": 6, "success": 6}


def test_equal_content_under_two_mids_is_sent_twice(office: PostOffice) -> None:
    office.notify(SMS, mid="a")
    office.notify(SMS, mid="b")
    assert metrics(office.run()) == {"total": 2, "success": 2}


def test_the_same_mid_and_iteration_twice_in_one_batch_is_sent_once(office: PostOffice) -> None:
    office.notify(SMS)
    office.notify(changed(SMS, ids=["9000000009"]))
    result = office.run()
    assert [sms.to for sms in office.sms.tried] == [SMS["ids"]]
    assert metrics(result) == {"total": 2, "success": 1, "skipped": 1}


def test_events_of_one_mid_are_sent_in_their_order(office: PostOffice) -> None:
    def note_the_order(message: Any) -> Sent:
        order.append(message.text)
        return Sent()

    order: list[str] = []
    office.sms.answer = note_the_order
    for iteration in (3, 1, 4, 2, 5):
        office.notify(changed(SMS, template={"data": str(iteration)}), iteration=iteration)
    office.run()
    assert order == ["3", "1", "4", "2", "5"]


def test_a_requeued_event_that_comes_again_does_nothing(office: PostOffice) -> None:
    office.sms.answer = refuses
    office.notify(SMS)
    office.run()
    office.notify(SMS)
    result = office.run()
    assert metrics(result) == {"total": 1, "skipped": 1}
    assert len(office.sms.tried) == len(office.published()) == 1


def test_a_failed_send_whose_retry_is_not_out_yet_is_requeued_without_another_send(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch dies and is never run again, since the lane went back."""
    office.sms.answer = refuses
    office.notify(SMS)
    crash_at("after-outcome", office, monkeypatch)
    assert office.published() == []
    office.go_back()
    result = office.run()
    assert metrics(result) == {"total": 1, "failed": 1}
    assert len(office.sms.tried) == len(office.published()) == 1


def test_what_failed_twice_stays_dropped(office: PostOffice) -> None:
    office.sms.answer = refuses
    office.notify(SMS, iteration=2)
    office.run()
    office.go_back()
    result = office.run()
    assert metrics(result) == {"total": 1, "skipped": 1}
    assert len(office.sms.tried) == 1
    assert office.published() == []


@pytest.mark.parametrize("boundary", ["after-claim", "after-effect"])
def test_what_may_have_been_sent_before_a_crash_is_not_sent_again_but_shown(
    office: PostOffice, boundary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.notify(SMS)
    crash_at(boundary, office, monkeypatch)
    sent = len(office.sms.sent)
    result = office.execute(office.keys[0], attempt=2)
    assert len(office.sms.sent) == sent
    assert metrics(result) == {"total": 1, "skipped": 1}
    assert office.published() == []
    (line,) = office.world.ledger.unfinished(JOB)
    assert (line.what, line.to_whom) == (f"SMS {MID}", "2 numbers ending …01, …02")
    assert any("unfinished_effects" in warning for warning in result.warnings)


@pytest.mark.parametrize("again", [True, False])
def test_an_operator_has_it_sent_or_dropped(office: PostOffice, again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    office.notify(SMS)
    crash_at("after-claim", office, monkeypatch)
    office.execute(office.keys[0], attempt=2)
    (line,) = office.world.ledger.unfinished(JOB)
    assert office.world.ledger.settle(JOB, line.key, send=again)
    result = office.execute(office.keys[0], attempt=3, rerun=True)
    assert metrics(result) == ({"total": 1, "success": 1} if again else {"total": 1, "skipped": 1})
    assert len(office.sms.sent) == int(again)


def test_with_the_setting_it_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = PostOffice(str(tmp_path), notification_settings(effects_resend_unknown="true"))
    office.notify(SMS)
    crash_at("after-effect", office, monkeypatch)
    result = office.execute(office.keys[0], attempt=2)
    assert metrics(result) == {"total": 1, "success": 1}
    assert len(office.sms.sent) == 2


def test_a_send_that_needs_no_call_is_never_unknown(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    office.notify(changed(SMS, ids=[]))
    crash_at("after-claim", office, monkeypatch)
    assert metrics(office.execute(office.keys[0], attempt=2)) == {"total": 1, "failed": 1}


@pytest.fixture
def v1(tmp_path: Path) -> PostOffice:
    return PostOffice(str(tmp_path), notification_settings(fcm_service_account_json="{}", effects_concurrency="1"))


def test_a_token_with_a_result_is_not_sent_to_again(v1: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    v1.notify(changed(PUSH, ids=["t1", "t2", "t1"]))
    crash_at("after-claim", v1, monkeypatch)
    assert [push.tokens for push in v1.push.sent] == [["t2"]]
    result = v1.execute(v1.keys[0], attempt=2)
    assert metrics(result) == {"total": 1, "success": 1}
    assert [push.tokens for push in v1.push.sent] == [["t2"]]
    assert [line.to_whom for line in v1.world.ledger.unfinished(JOB)] == ["1 device"]


def test_when_no_token_was_certain_the_event_is_unknown_and_not_retried(
    v1: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    v1.push.answer = refuses
    v1.notify(PUSH)
    crash_at("after-claim", v1, monkeypatch)
    result = v1.execute(v1.keys[0], attempt=2)
    assert metrics(result) == {"total": 1, "skipped": 1}
    assert v1.published() == []


def test_all_tokens_are_tried_again_by_the_retry(v1: PostOffice) -> None:
    v1.push.answer = refuses
    v1.notify(PUSH)
    assert metrics(v1.run()) == {"total": 1, "failed": 1}
    v1.push.answer = lambda push: Sent()
    assert v1.take_up_retries() == 1
    assert metrics(v1.run()) == {"total": 1, "success": 1}
    assert [push.tokens for push in v1.push.sent] == [["t1"], ["t2"]]


@pytest.mark.parametrize("mid", [MID, "9000000001@lern.test", "x" * 40_000, "\u0000\n", "é"])
def test_the_ledger_and_what_is_shown_hold_nothing_personal(
    mid: str, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = ["9000000001", "a@lern.test", "t1-token", "all-about-ada", "Done", "Grüße", "Hi $name", "New"]
    office.notify(SMS, mid=mid)
    office.notify(MAIL, mid=mid + "2")
    office.notify(changed(PUSH, ids=["t1-token"]), mid=mid + "3")
    office.notify(changed(PUSH, ids=None, config={"topic": "all-about-ada"}), mid=mid + "4")
    crash_at("after-claim", office, monkeypatch)
    result = office.execute(office.keys[0], attempt=2)
    ledger = office.world.ledger
    shown = [repr(ledger.known), repr(ledger.lines), *result.warnings, repr(result.plan.metrics), repr(result.account)]
    assert len(ledger.known) == 4
    assert [secret for secret in secrets for text in shown if secret in text] == []
    assert all(len(key) < 200 for _, key in ledger.known)


def test_a_mail_sent_again_has_the_same_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = PostOffice(str(tmp_path), notification_settings(effects_resend_unknown="true"))
    office.notify(MAIL)
    crash_at("after-effect", office, monkeypatch)
    office.execute(office.keys[0], attempt=2, now=STARTED + 60)
    first, second = office.mail.sent
    assert first.id == second.id


def test_the_retry_waits_until_it_is_old_enough_and_holds_up_no_first_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = PostOffice(str(tmp_path), notification_settings(notification_retry_delay_seconds="60"))
    journal = office.world.journal

    class Clock:
        @staticmethod
        def time() -> float:
            return STARTED

        @staticmethod
        def sleep(seconds: float) -> None:
            journal.append(f"waited {seconds:.0f}")

    monkeypatch.setattr(performers, "time", Clock)
    # The broker's times are long ago: old enough.
    office.notify(SMS, mid="old", iteration=2)
    office.run()
    assert not [line for line in journal if line.startswith("waited")]
    monkeypatch.setattr(office, "settings", notification_settings(notification_retry_delay_seconds="100000100"))
    journal.clear()
    office.notify(MAIL, mid="young", iteration=2)
    office.notify(SMS, mid="first")
    assert counts(office.run()) == (2, 0, 0)
    steps = [line for line in journal if line.split()[0] in ("sms", "mail", "waited")]
    assert steps == ["sms sent", "waited 100", "mail sent"]


def test_the_retry_event_is_one_that_the_producer_could_have_sent(office: PostOffice) -> None:
    office.sms.answer = refuses
    event = envelope(SMS) | {"extra": "x"}
    office.publish(json.dumps(event).encode())
    office.run()
    assert office.take_up_retries() == 1
    office.sms.answer = lambda sms: Sent()
    assert metrics(office.run()) == {"total": 1, "success": 1}


def test_a_push_of_one_batch_of_tokens_is_one_effect_by_the_legacy_protocol(office: PostOffice) -> None:
    office.notify(PUSH)
    office.run()
    assert [type(push) for push in office.push.tried] == [Push]
    assert len(office.world.ledger.known) == 1
