"""What the learner is told: mail, SMS, feed entry (contract collection-certificate-generator 11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lern_pipeline.jobs.certificates.dates import utc_date
from lern_pipeline.jobs.certificates.rc_certificate import with_storage_address
from lern_pipeline.jobs.certificates.request import CertificateRequest
from lern_pipeline.settings import JobSettings

MAIL_BODY = "email body"
FEED_TEXT = "You have earned a certificate! Download it from your profile page."

#: The contract's name of the image's member, and the one that templates have (D2).
IMAGE_ADDRESSES = ("stateImgUrl", "stateImageUrl")

#: Members of the profile that are used.
PROFILE = ("firstName", "maskedPhone")


class MalformedTemplate(ValueError):
    """A ``notifyTemplate`` that cannot be used; the text says why."""


def notify_template(text: str, settings: JobSettings) -> dict[str, str]:
    """The template's entries as texts, with the address of the storage in that of the image.

    Raises:
        MalformedTemplate: no JSON object, or one with something nested.
    """
    try:
        entries = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise MalformedTemplate("notifyTemplate is not JSON") from None
    if not isinstance(entries, dict):
        raise MalformedTemplate("notifyTemplate is not an object")
    template = {name: _text(name, value) for name, value in entries.items() if value is not None}
    for name in IMAGE_ADDRESSES:
        if name in template:
            template[name] = with_storage_address(template[name], settings)
    return template


def mail(
    request: CertificateRequest,
    template: Mapping[str, str],
    profile: Mapping[str, Any],
    completed_on: int | None,
    now_ms: int,
) -> dict[str, Any]:
    """``request`` of the notification API; the job's own members win over the template's."""
    first_name = profile.get("firstName")
    return {
        **template,
        "firstName": first_name if isinstance(first_name, str) else "",
        "TrainingName": request.course_name,
        "heldDate": _held_date(completed_on, now_ms),
        "recipientUserIds": [request.user_id],
        "body": MAIL_BODY,
    }


def sms(mail_request: Mapping[str, Any], settings: JobSettings) -> dict[str, Any]:
    """The mail's request as SMS (D1)."""
    body = (
        "Congratulations! Download your course certificate from your profile page. If you have a problem downloading "
        f"it on the mobile, update your {settings.text('sunbird_instance_name')} app"
    )
    return {**mail_request, "body": body, "mode": "sms"}


def feed_entry(request: CertificateRequest) -> dict[str, Any]:
    """``request`` of the user feed API (11.2)."""
    return {
        "userId": request.user_id,
        "category": "Notification",
        "priority": 1,
        "data": {
            "type": 1,
            "actionData": {
                "actionType": "certificateUpdate",
                "title": request.course_name,
                "description": FEED_TEXT,
                "identifier": request.course_id,
            },
        },
    }


def has_phone(profile: Mapping[str, Any]) -> bool:
    phone = profile.get("maskedPhone")
    return isinstance(phone, str) and bool(phone.strip())


def _held_date(completed_on: int | None, now_ms: int) -> str:
    try:
        return utc_date(now_ms if completed_on is None else completed_on)
    except OverflowError:
        return utc_date(now_ms)


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    raise MalformedTemplate(f"notifyTemplate.{name} is nested")
