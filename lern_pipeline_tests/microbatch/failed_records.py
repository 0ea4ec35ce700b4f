"""Failed records as the engine writes them, to be read again."""

from __future__ import annotations

import json
from typing import Any

from lern_pipeline.events.record import Position, Record, RecordWithHeaders
from lern_pipeline.microbatch.failed_topic import FailedShape, FailedTopic
from lern_pipeline.microbatch.failure_trace import FailureTrace, Origin
from lern_pipeline.microbatch.plan import Message

INPUT, FAILED = "test.input", "test.failed"
BATCH = "20270101T000000Z_3.0-50"


def failed_record(
    value: bytes | None,
    key: bytes | None = b"u-ada",
    readable: bool = True,
    error_class: str = "InvalidEvent",
    max_bytes: int = 1_000_000,
    shape: FailedShape | None = None,
    smaller: bool = False,
    members: dict[str, Any] | None = None,
) -> RecordWithHeaders:
    """What stands at 0.7 of the failed topic after the event at 3.41 has failed; ``smaller``: as a topic takes it that
    finds the message too large."""
    record = Record(3, 41, 0, key, value)
    topic = FailedTopic(FAILED, INPUT, "tally", BATCH, 1, max_bytes, shape)
    original = members or (json.loads(value or b"null") if readable else record)
    message = topic.message(record, original, "it is so", "DATA_ERROR", error_class, reason="because")
    if smaller:
        message = message.smaller() or message
    return RecordWithHeaders(Record(0, 7, 1_000, message.key, message.value), dict(message.headers))


def failed_topic_message(
    offset: int, value: bytes | None, job_name: str = "tally", attempt: int = 1, earlier_attempts: int = 0
) -> Message:
    """What is published when the event at that offset of partition 0 has failed."""
    record = Record(0, offset, 0, b"k-%d" % offset, value, earlier_attempts)
    topic = FailedTopic(FAILED, INPUT, job_name, BATCH, attempt, 1_000_000)
    return topic.message(record, record, "it is so", "DATA_ERROR", "InvalidEvent", reason="because")


def without(found: RecordWithHeaders, *headers: str) -> RecordWithHeaders:
    """As an earlier version, another program or a smaller topic leaves it."""
    return RecordWithHeaders(
        found.record, {name: value for name, value in found.headers.items() if name not in headers}
    )


def trace(offset: int = 0, failed_at_ms: int = 1_000, event: int | None = None, **changed: Any) -> FailureTrace:
    """Of the failed record at ``offset``, about the event of that offset unless another is named."""
    made: dict[str, Any] = {
        "topic": FAILED,
        "position": Position(0, offset),
        "failed_at_ms": failed_at_ms,
        "job_name": "tally",
        "error_class": "InvalidEvent",
        "reason": "because",
        "batch": BATCH,
        "attempt": 1,
        "origin": Origin(INPUT, 0, offset if event is None else event),
        "hindrance": "",
    }
    return FailureTrace(**(made | changed))
