"""What one notification asks to be sent, by its mode (contract notification-job 2, 5). Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from lern_pipeline.events.lenient_json import compact_json

PHONE, EMAIL, DEVICE = "phone", "email", "device"

SHORTEST_NUMBER = 10
"""Characters of a telephone number, a leading + included (5.1)."""


class WantedSms(NamedTuple):
    """A text to at least one number."""

    text: str
    to: list[str]


class WantedMail(NamedTuple):
    """A mail; whether its recipients are addresses is the channel's to say."""

    subject: str | None
    html: str
    to: list[str]


class WantedPush(NamedTuple):
    """``data`` as JSON text, to tokens or, without any, to a topic."""

    data: str
    tokens: list[str]
    topic: str


class KnownResult(NamedTuple):
    """Nothing needs to be asked of a channel to know how the send ends."""

    sent: bool
    reason: str = ""


Wanted = WantedSms | WantedMail | WantedPush | KnownResult


class PermanentFailure(ValueError):
    """The notification can never be sent: no attempt, no retry. ``reason`` names members, never values."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def wanted_send(notification: dict[str, Any], mode: str) -> Wanted:
    """What to send. ``mode`` in lower case.

    Raises:
        PermanentFailure: members are missing or of a wrong type (decision table of 2).
    """
    match mode:
        case "phone":
            return _sms(notification)
        case "email":
            return _mail(notification)
        case "device":
            return _push(notification)
    return KnownResult(False, "the mode is not known")


def _sms(notification: dict[str, Any]) -> Wanted:
    ids = _list(notification, "ids")
    if ids is None:
        return KnownResult(True)
    text = _text(_object(notification, "template"), "template.data")
    numbers = [number for number in map(_number, ids) if number is not None]
    if text is None or not text.strip():
        return KnownResult(False, "there is no text")
    if not numbers:
        return KnownResult(False, "there is no recipient")
    return WantedSms(text, numbers)


def _number(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = compact_json(value)
    if not isinstance(value, str) or not value.strip() or len(value) < SHORTEST_NUMBER:
        return None
    return value


def _mail(notification: dict[str, Any]) -> Wanted:
    ids = _list(notification, "ids")
    if ids is None:
        raise PermanentFailure("ids is missing")
    subject = _text(_object(notification, "config"), "config.subject")
    html = _text(_object(notification, "template"), "template.data")
    if html is None:
        return KnownResult(False, "there is no text")
    if not ids:
        return KnownResult(False, "there is no recipient")
    # All or none: one that is no text is no address.
    return WantedMail(subject, html, [one if isinstance(one, str) else "" for one in ids])


def _push(notification: dict[str, Any]) -> Wanted:
    ids = _list(notification, "ids")
    data = compact_json(_object(notification, "rawData"))
    if ids:
        tokens = [one for one in ids if isinstance(one, str) and one.strip()]
        return WantedPush(data, tokens, "") if tokens else KnownResult(False, "there is no recipient")
    config = notification.get("config")
    topic = config.get("topic") if isinstance(config, dict) else None
    if not isinstance(topic, str) or not topic.strip():
        raise PermanentFailure("neither ids nor config.topic say whom to send to")
    return WantedPush(data, [], topic)


def _list(members: dict[str, Any], name: str) -> list[Any] | None:
    value = members.get(name)
    if value is not None and not isinstance(value, list):
        raise PermanentFailure(f"{name} is not an array")
    return value


def _object(members: dict[str, Any], name: str) -> dict[str, Any]:
    value = members.get(name)
    if value is None:
        raise PermanentFailure(f"{name} is missing")
    if not isinstance(value, dict):
        raise PermanentFailure(f"{name} is not an object")
    return value


def _text(members: dict[str, Any], path: str) -> str | None:
    value = members.get(path.rpartition(".")[2])
    if value is not None and not isinstance(value, str):
        raise PermanentFailure(f"{path} is not a string")
    return value
