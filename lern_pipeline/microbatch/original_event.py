"""The event that a failed record tells of, taken out of it again (design 6, platform contract 5.4, decisions 15)."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Any

import msgspec

from lern_pipeline.events import failed_headers
from lern_pipeline.events.record import RecordWithHeaders
from lern_pipeline.microbatch.failed_topic import FAILED_GROUP

ADDED = ("jobName", "failInfo")
TOO_LARGE = "the event was too large to be carried along: run its batch again"
NO_VALUE = "the event has no value"
ONLY_A_PART = "the record tells of a part of the event only: run its batch again"
UNREADABLE = "the failed record cannot be read"
NO_WAY_BACK = "no headers lead back to an event: the record is not of this pipeline"


class NotRedrivable(ValueError):
    """The event cannot be sent again from its failed record; the text says why and holds nothing of the event."""


@dataclass(frozen=True, slots=True)
class OriginalEvent:
    """Value and key as the job read them. ``key`` None: it had none, or the failed record does not tell."""

    value: bytes
    key: bytes | None


def original_event(found: RecordWithHeaders) -> OriginalEvent:
    """The bytes that the record carries along; without them what its value is made from, written anew.

    Raises:
        NotRedrivable: the record does not hold the event.
    """
    value = found.headers.get(failed_headers.ORIGINAL)
    return OriginalEvent(_from_value(found) if value is None else value, found.headers.get(failed_headers.KEY))


def hindrance(found: RecordWithHeaders) -> str:
    """Why the event cannot be sent again; empty if it can."""
    try:
        original_event(found)
    except NotRedrivable as error:
        return str(error)
    return ""


def _from_value(found: RecordWithHeaders) -> bytes:
    members = _members(found.record.value)
    if failed_headers.ERROR not in found.headers:
        raise NotRedrivable(NO_WAY_BACK)
    info = members.get("failInfo")
    if isinstance(info, dict) and "originalBytes" in info:
        raise NotRedrivable(TOO_LARGE)
    if found.headers[failed_headers.ERROR] == FAILED_GROUP.encode():
        raise NotRedrivable(ONLY_A_PART)
    if failed_headers.FAIL_INFO in found.headers:
        # A shape of the job's own: what the job added to the event cannot be told from the event.
        raise NotRedrivable(TOO_LARGE)
    original = {name: value for name, value in members.items() if name not in ADDED}
    if len(original) == 1 and not original.keys().isdisjoint(("raw", "raw_base64")):
        return _raw(original)
    return msgspec.json.encode(original)


def _members(value: bytes | None) -> dict[str, Any]:
    try:
        members = msgspec.json.decode(value or b"")
    except (ValueError, RecursionError):
        raise NotRedrivable(UNREADABLE) from None
    if not isinstance(members, dict):
        raise NotRedrivable(UNREADABLE)
    return members


def _raw(original: dict[str, Any]) -> bytes:
    """The other way round than :func:`lern_pipeline.events.failed_record.raw_members`."""
    ((name, text),) = original.items()
    if text is None:
        raise NotRedrivable(NO_VALUE)
    try:
        return b64decode(text, validate=True) if name == "raw_base64" else text.encode()
    except (AttributeError, TypeError, ValueError):
        raise NotRedrivable(UNREADABLE) from None
