"""The demo's last chapter: whoever completed the course has a certificate, and a mail says so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lern_pipeline.local.demo.course import Course
from lern_pipeline.local.demo.learners import PROCESSED, SampleEvent

TEMPLATE = "do_template_demo"
LABEL = "Certificate of Completion"

CERT_TEMPLATES = {
    TEMPLATE: {
        "identifier": TEMPLATE,
        "name": LABEL,
        "url": "CLOUD_BASE_PATH/content/template/completion.svg",
        "criteria": json.dumps({"enrollment": {"status": 2}}),
        "issuer": json.dumps({"name": "Example Board", "url": "https://board.example.org"}),
        "signatoryList": json.dumps(
            [{"id": "DIR", "name": "A. Roy", "designation": "Director", "image": "https://img.example.org/roy.png"}]
        ),
        "notifyTemplate": json.dumps(
            {
                "subject": "Your certificate is ready",
                "stateImgUrl": "CLOUD_BASE_PATH/img/logo.png",
                "regards": "Example Board",
                "regardsperson": "A. Roy",
                "emailTemplateType": "defaultCertTemp",
            }
        ),
    }
}


def profile(user_id: str) -> dict[str, Any]:
    """A learner as the user service has one."""
    return {"firstName": user_id.partition("-")[0].capitalize(), "lastName": "Demo", "rootOrgId": "org-demo"}


def notification_events(asked: Sequence[dict[str, Any]], run: str, now_ms: int) -> list[SampleEvent]:
    """The notification service: what it was asked becomes events, rendered, as it makes them."""
    events = []
    for number, request in enumerate(asked):
        (user_id,) = request["recipientUserIds"]
        body = (
            f"<p>Dear {request['firstName']},</p><p>you have completed {request['TrainingName']} on "
            f"{request['heldDate']}. Your certificate is on your profile page.</p><p>{request['regardsperson']}, "
            f"{request['regards']}</p>"
        )
        notification: dict[str, Any] = {
            "mode": "email",
            "deliveryType": "message",
            "config": {"sender": None, "topic": None, "otp": None, "subject": request["subject"]},
            "ids": [f"{user_id}@lern.test"],
            "template": {"id": None, "data": body, "params": {}},
            "rawData": None,
        }
        value = {
            "actor": {"id": "BroadCast Topic Notification", "type": "System"},
            "eid": "BE_JOB_REQUEST",
            "mid": f"NS.{now_ms}.demo-{run}-{number}",
            "ets": now_ms,
            "edata": {
                "action": "broadcast-topic-notification-all",
                "iteration": 1,
                "request": {"notification": notification},
            },
            "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
            "object": {"id": f"demo-{run}-{number}", "type": "TopicNotifyAll"},
        }
        events.append(SampleEvent(None, json.dumps(value).encode(), PROCESSED))
    return events


@dataclass(frozen=True)
class Awarded:
    """What the services and the tables have in the end, for one course."""

    certificates: dict[str, list[dict[str, Any]]]
    enrolled: dict[str, list[str]]
    feed: Counter[str]
    mails: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, course: Course, services: dict[str, Any], enrolled: dict[str, list[str]]) -> Awarded:
        """From what the services hold, and the ids in the enrolments."""
        certificates: dict[str, list[dict[str, Any]]] = {}
        for certificate in services["registry"]["certificates"].values():
            if certificate["training"]["id"] == course.id and certificate["_status"] == "ACTIVE":
                certificates.setdefault(certificate["recipient"]["id"], []).append(certificate)
        feed = Counter(
            entry["userId"]
            for entry in services["users"]["feed"]
            if entry["data"]["actionData"]["identifier"] == course.id
        )
        mails: dict[str, list[dict[str, Any]]] = {}
        for mail in services["mail"]["mails"]:
            for address in mail["to"]:
                mails.setdefault(address.partition("@")[0], []).append(mail)
        return cls(certificates, enrolled, feed, mails)

    def wrong(self, finishers: Sequence[str]) -> list[str]:
        """What is not as it must be: each finisher has one of each, nobody else any."""
        expected = dict.fromkeys(finishers, 1)
        found = {
            "certificates": {user: len(made) for user, made in self.certificates.items()},
            "certificates in enrolments": {user: len(ids) for user, ids in self.enrolled.items() if ids},
            "feed entries": dict(self.feed),
            "mails": {user: len(self.mails.get(user, ())) for user in finishers},
        }
        lines = [f"{sum(by.values())} {what}, not {len(expected)}" for what, by in found.items() if by != expected]
        ids = {user: [made["osid"] for made in by] for user, by in self.certificates.items()}
        if not lines and ids != {user: at for user, at in self.enrolled.items() if at}:
            lines.append("an enrolment names another certificate than the registry has")
        return lines


def keep(picture: str, mail: dict[str, Any], directory: Path) -> tuple[Path, Path]:
    """The certificate and the mail as files."""
    directory.mkdir(parents=True, exist_ok=True)
    svg, html = directory / "certificate.svg", directory / "mail.html"
    svg.write_text(picture, encoding="utf-8")
    html.write_text(mail["parts"][0]["text"], encoding="utf-8")
    return svg, html
