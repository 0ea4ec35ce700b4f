"""Messages to a job's failed topic: the value of the contract, the way back to the batch in the headers (design 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from lern_pipeline.events.failed_record import failed_value
from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.plan import Message

# Room for keys, headers and batch overhead beside the value in one produce request.
_ENVELOPE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class FailedTopic:
    """Makes the failed messages of one micro-batch."""

    topic: str
    input_topic: str
    job_name: str
    batch_key: str
    attempt: int
    max_bytes: int

    def message(
        self,
        record: Record,
        original: dict[str, Any] | Record,
        error: str,
        code: str,
        error_class: str,
        number: int = 0,
    ) -> Message:
        """The failed message for ``record``.

        ``original`` as :func:`failed_value`; ``number`` tells apart several messages of one record. The original
        bytes travel in the header ``original`` where there is room for them; a value that is too large for the
        topic is replaced by one that says where the original is.
        """
        value = failed_value(original, self.job_name, error, code, record, self.input_topic)
        headers = [
            ("topic", self.input_topic.encode()),
            ("partition", str(record.partition).encode()),
            ("offset", str(record.offset).encode()),
            ("batch", self.batch_key.encode()),
            ("error", error_class.encode()),
            ("attempt", str(self.attempt).encode()),
        ]
        room = self.max_bytes - _ENVELOPE_BYTES
        if len(value) > room:
            value = self._stand_in(record, error, code, len(value))
        if record.value is not None and len(value) + len(record.value) <= room:
            headers.append(("original", record.value))
        return Message(f"failed|{record.position}|{number}", self.topic, value, None, headers)

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
