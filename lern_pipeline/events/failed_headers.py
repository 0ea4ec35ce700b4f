"""Names of the Kafka headers by which a failed record leads back to its event and its batch (design 6)."""

from __future__ import annotations

from collections.abc import Iterable

TOPIC = "topic"
PARTITION = "partition"
OFFSET = "offset"
BATCH = "batch"
ERROR = "error"
ATTEMPT = "attempt"

REASON = "reason"
"""The phrase under which the failure was counted; holds no personal data."""

KEY = "key"
"""The key of the record that failed, as it was."""

ORIGINAL = "original"
"""The value of the record that failed, as it was."""

FAIL_INFO = "failInfo"
"""``jobName`` and ``failInfo`` of a failed record whose value has no place for them."""

EARLIER_ATTEMPTS = "lern-pipeline-attempts"
"""Of an event that was sent again, on the job's input topic: the attempts that have failed."""

# Another number is nobody's count.
_LONGEST_COUNT = 6


def count_in(value: bytes | None) -> int:
    """The number in a header; 0 where there is none."""
    return int(value) if value is not None and value.isdigit() and len(value) <= _LONGEST_COUNT else 0


def earlier_attempts(headers: Iterable[tuple[str, bytes]]) -> int:
    """How often an event has failed before it was sent again; 0 for one that came for the first time."""
    return max((count_in(value) for name, value in headers if name == EARLIER_ATTEMPTS), default=0)
