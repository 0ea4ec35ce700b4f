"""Notifications that nobody should send, through the rules and the real clients: every one ends, nothing is told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.resources.fcm import Fcm
from lern_pipeline.resources.msg91 import Msg91
from lern_pipeline.resources.smtp import Smtp
from lern_pipeline_tests.faults.hostile_records import NASTY_TEXTS, PERSONAL, hostile_records
from lern_pipeline_tests.jobs.notification_job.post_office import (
    MAIL,
    PUSH,
    SMS,
    PostOffice,
    changed,
    envelope,
    notification_settings,
)
from lern_pipeline_tests.stack.test_fcm import account
from lern_pipeline_tests.third_party.mail_server import MailServer
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.fcm import Fcm as FcmService
from lern_pipeline_tests.third_party.services.msg91 import Msg91 as Msg91Service

pytestmark = pytest.mark.stack

RECORDS = 300


@pytest.fixture(params=["v1", "legacy"])
def office(request: Any, tmp_path: Path) -> Iterator[PostOffice]:
    """With the real clients, and servers that take what is right."""
    with ThirdParty([Msg91Service(), FcmService()]) as web, MailServer() as mail:
        names = {
            "sms_auth_key": "K1",
            "sunbird_msg_91_baseurl": f"{web.address}/msg91/",
            "mail_server_host": mail.host,
            "mail_server_port": str(mail.port),
            "mail_server_from_email": "noreply@lern.test",
            "sunbird_fcm_url": f"{web.address}/fcm/fcm/send",
            "fcm_v1_base_url": f"{web.address}/fcm",
            "fcm_account_key": "key=F1",
        }
        if request.param == "v1":
            names["fcm_service_account_json"] = account(web.address)
        office = PostOffice(str(tmp_path), notification_settings(**names))
        channels: Any = office.world.channels
        channels.sms = Msg91(office.settings, Counter())
        channels.mail = Smtp(office.settings, Counter())
        channels.push = Fcm(office.settings, Counter())
        yield office
        office.world.services.close()


@pytest.mark.parametrize("notification", [SMS, MAIL, PUSH], ids=["phone", "email", "device"])
def test_every_hostile_record_ends(office: PostOffice, notification: Any) -> None:
    event = envelope(changed(notification, config={"subject": PERSONAL, "topic": "all"}), mid="NS.1.hostile")
    records = [value for _, value in hostile_records(event, RECORDS, seed=5)]
    for number, value in enumerate(records):
        office.publish(value, partition=number % 2)
    check(office, len(records))


def test_every_nasty_text_ends_wherever_it_stands(office: PostOffice) -> None:
    count = 0
    for number, text in enumerate(NASTY_TEXTS):
        for notification in (
            changed(SMS, ids=[text, "9000000001"], template={"data": text}),
            changed(MAIL, config={"subject": text}, template={"data": text}),
            changed(MAIL, ids=[text]),
            changed(PUSH, ids=[text], rawData={text: text, "n": [text]}),
            changed(PUSH, ids=None, config={"topic": text}),
            changed(SMS, mode=text),
        ):
            count += 1
            office.publish(json.dumps(envelope(notification, mid=f"{text}{number}.{count}")).encode())
    check(office, count)


def check(office: PostOffice, published: int) -> None:
    result = office.run()
    assert result.account.balances
    assert result.account.consumed == published
    assert result.account.processed > 0
    shown = [*result.warnings, *result.account.skipped, *result.account.failed, repr(office.world.ledger.known)]
    assert [text for text in shown if PERSONAL in text] == []
    assert len(result.account.failed) < 40
    retries = office.take_up_retries()
    again = office.run()
    assert again.account.consumed == retries
    assert office.take_up_retries() == again.account.failed_total == 0
