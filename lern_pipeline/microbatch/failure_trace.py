"""What an operator is told of one failed event: whence, why, when; nothing of its content (design 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from lern_pipeline.events import failed_headers
from lern_pipeline.events.failed_headers import count_in
from lern_pipeline.events.record import Position, RecordWithHeaders
from lern_pipeline.microbatch.original_event import NO_WAY_BACK, hindrance

LONGEST_NAME = 200

# Digits that fit into Kafka's, and Cassandra's, 32 and 64 bits whatever they are.
LONGEST_PARTITION = 9
LONGEST_OFFSET = 18


class Origin(NamedTuple):
    """Where the event that failed stands: topic, Kafka partition, offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class FailureTrace:
    """One failed record.

    ``job_name`` is its ``jobName``; it and the other texts are empty where the record does not tell. ``attempt``
    counts the attempts that have failed. ``origin`` None: no headers lead back to an event. ``hindrance``: why the
    event cannot be sent again, empty if it can.
    """

    topic: str
    position: Position
    failed_at_ms: int
    job_name: str
    error_class: str
    reason: str
    batch: str
    attempt: int
    origin: Origin | None
    hindrance: str


class _About(msgspec.Struct):
    jobName: str = ""


_about = msgspec.json.Decoder(_About)


def trace_of(topic: str, found: RecordWithHeaders) -> FailureTrace:
    """The trace of a record on a failed topic, whoever wrote it."""
    headers, record = found.headers, found.record
    origin = _origin(found)
    return FailureTrace(
        topic=topic,
        position=record.position,
        failed_at_ms=record.timestamp,
        job_name=_job_name(found),
        error_class=_text(headers.get(failed_headers.ERROR)),
        reason=_text(headers.get(failed_headers.REASON)),
        batch=_text(headers.get(failed_headers.BATCH)),
        attempt=count_in(headers.get(failed_headers.ATTEMPT)),
        origin=origin,
        hindrance=NO_WAY_BACK if origin is None else hindrance(found),
    )


def newest_first(traces: Iterable[FailureTrace]) -> list[FailureTrace]:
    """By the time of failing."""
    return sorted(traces, key=lambda trace: (-trace.failed_at_ms, trace.topic, trace.position))


def _origin(found: RecordWithHeaders) -> Origin | None:
    headers = found.headers
    topic, partition, offset = (
        headers.get(name) for name in (failed_headers.TOPIC, failed_headers.PARTITION, failed_headers.OFFSET)
    )
    if not topic or not _is_number(partition, LONGEST_PARTITION) or not _is_number(offset, LONGEST_OFFSET):
        return None
    return Origin(_text(topic), int(partition or b""), int(offset or b""))


def _is_number(digits: bytes | None, longest: int) -> bool:
    return digits is not None and digits.isdigit() and len(digits) <= longest


def _job_name(found: RecordWithHeaders) -> str:
    about = found.headers.get(failed_headers.FAIL_INFO, found.record.value)
    try:
        return _about.decode(about or b"").jobName[:LONGEST_NAME]
    except (ValueError, RecursionError):
        return ""


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
