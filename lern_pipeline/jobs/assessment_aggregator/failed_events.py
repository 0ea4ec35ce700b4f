"""Failed events of this job (contract assessment-aggregator 8, D1, D2, D4, D24; platform P11). Pure.

The value is the event itself, as the existing job sends it; ``jobName`` and ``failInfo`` travel in a header. The kinds:

* A, B (``UNCHANGED``): a content that is not in the course, more questions than the content has: nothing is added.
* C (no kind): anything else; ``flags`` and ``metadata`` are there, ``metadata`` tells why and where from.
* D (``AGGREGATE``): as C, with ``metadata.stage``, so that feeding it in again computes the aggregates even where
  the attempt is stored already.
"""

from __future__ import annotations

from typing import Any

from lern_pipeline.events.failed_record import raw_members
from lern_pipeline.events.null_members import without_null_members
from lern_pipeline.microbatch.failed_topic import FailedEvent, FailedValue

UNCHANGED = "unchanged"
AGGREGATE = "aggregate"

SOURCE = "AssessmentAggregator"


def failed_event(failed: FailedEvent) -> FailedValue:
    """Members and key: the text under ``mid``, else none (D24)."""
    members: dict[str, Any] = without_null_members(failed.members) if failed.members is not None else {}
    mid = members.get("mid")
    key = mid.encode() if isinstance(mid, str) else None
    if failed.kind == UNCHANGED:
        return FailedValue(members, key)
    metadata = members.get("metadata")
    metadata = dict(metadata) if isinstance(metadata, dict) else {}
    metadata |= {"validation_error": failed.error, "src": SOURCE}
    if failed.kind == AGGREGATE:
        metadata["stage"] = AGGREGATE
    if failed.members is None:
        metadata |= without_null_members(raw_members(failed.record.value))
    return FailedValue({**members, "flags": members.get("flags", {}), "metadata": metadata}, key)
