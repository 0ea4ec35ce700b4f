"""Messages to a job's failed topic: the value of the contract, the way back to the batch in the headers (design 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from lern_pipeline.events import failed_headers
from lern_pipeline.events.failed_record import failed_value, failure_details
from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.plan import Message

# Room for keys, headers and batch overhead beside the value in one produce request.
_ENVELOPE_BYTES = 4096

# A topic may take less than the producer may send; none that serves for anything takes less than this.
_ALWAYS_TAKEN_BYTES = 16_384

# A longer key is left out: the message would not fit into a produce request because of its key.
_LONGEST_KEY_BYTES = 32_000

# The original's key and the reason travel in the envelope, beside the other headers.
_LONGEST_KEY_HEADER_BYTES = 1024
_LONGEST_REASON = 200

#: Error class of a failed record that tells of a part of an event in a shape of the job's own.
FAILED_GROUP = "FailedGroup"


@dataclass(frozen=True, slots=True)
class FailedEvent:
    """What a job's own shape of failed records is made from. ``members`` None: nothing could be decoded."""

    record: Record
    members: dict[str, Any] | None
    error: str
    kind: str


@dataclass(frozen=True, slots=True)
class FailedValue:
    """Members and key of a failed record in the job's own shape."""

    members: dict[str, Any]
    key: bytes | None = None


FailedShape = Callable[[FailedEvent], FailedValue]


@dataclass(frozen=True, slots=True)
class FailedTopic:
    """Makes the failed messages of one micro-batch.

    ``shape``: of a job whose failed records are not the platform's (no ``jobName``, no ``failInfo``); these two then
    travel in the header ``failInfo``.
    """

    topic: str
    input_topic: str
    job_name: str
    batch_key: str
    attempt: int
    max_bytes: int
    shape: FailedShape | None = None

    def message(
        self,
        record: Record,
        original: dict[str, Any] | Record,
        error: str,
        code: str,
        error_class: str,
        number: int = 0,
        kind: str = "",
        reason: str = "",
    ) -> Message:
        """The failed message for ``record``; its headers are those of design 6.

        ``original`` as :func:`failed_value`; ``number`` tells apart several messages of one record; ``kind`` is for
        the job's own shape; ``reason`` is what the failure is counted under. The original bytes travel in the headers
        ``original`` and ``key`` where there is room for them; ``attempt`` counts on where the event was sent again
        after a failure. A value that is too large for the topic is replaced by one that says where the original is.
        """
        key: bytes | None = None
        if self.shape is None:
            value = failed_value(original, self.job_name, error, code, record, self.input_topic)
        else:
            members = None if isinstance(original, Record) else original
            value, key = _shaped(self.shape, FailedEvent(record, members, error, kind))
        headers = [
            (failed_headers.TOPIC, self.input_topic.encode()),
            (failed_headers.PARTITION, str(record.partition).encode()),
            (failed_headers.OFFSET, str(record.offset).encode()),
            (failed_headers.BATCH, self.batch_key.encode()),
            (failed_headers.ERROR, error_class.encode()),
            (failed_headers.ATTEMPT, str(self.attempt + record.earlier_attempts).encode()),
        ]
        if reason:
            headers.append((failed_headers.REASON, reason[:_LONGEST_REASON].encode(errors="replace")))
        if record.key is not None and len(record.key) <= _LONGEST_KEY_HEADER_BYTES:
            headers.append((failed_headers.KEY, record.key))
        if self.shape is not None:
            details = failure_details(self.job_name, error, code, record, self.input_topic)
            headers.append((failed_headers.FAIL_INFO, msgspec.json.encode(details)))
        room = self.max_bytes - _ENVELOPE_BYTES - len(key or b"")
        size = len(value)
        if size > room:
            value = self._stand_in(record, error, code, size)
        if record.value is not None and len(value) + len(record.value) <= room:
            headers.append((failed_headers.ORIGINAL, record.value))
        message = Message(f"failed|{record.position}|{number}", self.topic, value, key, headers)
        if message.size > _ALWAYS_TAKEN_BYTES:
            message.stand_in = self._stand_in(record, error, code, size)
        return message

    def _stand_in(self, record: Record, error: str, code: str, size: int) -> bytes:
        return msgspec.json.encode(
            {
                "jobName": self.job_name,
                "failInfo": {
                    "error": error[:1000],
                    "errorCode": code,
                    "topic": self.input_topic,
                    "partition": record.partition,
                    "offset": record.offset,
                    "originalBytes": size,
                    "batch": self.batch_key,
                },
            }
        )


def _shaped(shape: FailedShape, failed: FailedEvent) -> tuple[bytes, bytes | None]:
    """Value and key. An event that was read but cannot be written back becomes an unreadable one."""
    try:
        made = shape(failed)
        value = msgspec.json.encode(made.members)
    except (ValueError, OverflowError, RecursionError):
        made = shape(FailedEvent(failed.record, None, failed.error, failed.kind))
        value = msgspec.json.encode(made.members)
    key = made.key
    return value, None if key is not None and len(key) > _LONGEST_KEY_BYTES else key
