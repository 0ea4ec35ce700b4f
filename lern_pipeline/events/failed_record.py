"""The value of a record on a failed topic (platform contract 5.4, decisions 11 and 15)."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec

from lern_pipeline.events.record import Record


def failure_details(job_name: str, error: str, code: str, record: Record, topic: str) -> dict[str, Any]:
    """``jobName`` and ``failInfo`` (platform contract 5.4)."""
    return {
        "jobName": job_name,
        "failInfo": {
            "error": error,
            "errorCode": code,
            "topic": topic,
            "partition": record.partition,
            "offset": record.offset,
        },
    }


def failed_value(
    original: dict[str, Any] | Record, job_name: str, error: str, code: str, record: Record, topic: str
) -> bytes:
    """The original event's members, or an unreadable record under ``raw``, with ``jobName`` and ``failInfo``.

    Args:
        original: the decoded event (or the job's own payload); a :class:`Record` if nothing could be decoded.
        record: the record that failed, for its position.
    """
    members: dict[str, Any]
    if isinstance(original, Record):
        members = raw_members(original.value)
    else:
        members = {name: value for name, value in original.items() if name not in ("jobName", "failInfo")}
    about = failure_details(job_name, error, code, record, topic)
    try:
        return msgspec.json.encode(members | about)
    except (ValueError, RecursionError):
        # Read, but cannot be written back: an integer of thousands of digits, nesting at the edge of what was read.
        return msgspec.json.encode(raw_members(record.value) | about)


def raw_members(value: bytes | None) -> dict[str, Any]:
    """The record's text under ``raw``; what is not UTF-8 under ``raw_base64`` (decisions 15)."""
    if value is None:
        return {"raw": None}
    try:
        return {"raw": value.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": b64encode(value).decode()}
