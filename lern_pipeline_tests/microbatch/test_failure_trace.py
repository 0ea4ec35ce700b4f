"""What is told of failed events: the way back, and nothing of their content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.events.record import Position, Record, RecordWithHeaders
from lern_pipeline.jobs.assessment_aggregator.failed_events import failed_event
from lern_pipeline.microbatch.failure_groups import failure_groups
from lern_pipeline.microbatch.failure_trace import FailureTrace, Origin, newest_first, trace_of
from lern_pipeline.microbatch.original_event import NO_WAY_BACK
from lern_pipeline_tests.microbatch.failed_records import BATCH, FAILED, INPUT, failed_record, trace

pytestmark = pytest.mark.rules


@pytest.mark.parametrize("shape", [None, failed_event], ids=["platform's shape", "job's own"])
def test_a_failed_record_leads_back(shape: object) -> None:
    found = trace_of(FAILED, failed_record(b'{"userId": "u-ada"}', shape=shape))  # type: ignore[arg-type]
    assert found == FailureTrace(
        FAILED, Position(0, 7), 1_000, "tally", "InvalidEvent", "because", BATCH, 1, Origin(INPUT, 3, 41), ""
    )
    assert "u-ada" not in repr(found)


@given(
    value=st.none() | st.binary(max_size=50) | st.sampled_from([b'{"jobName": 5}', b'{"jobName": "tally"}']),
    headers=st.dictionaries(
        st.sampled_from(["topic", "partition", "offset", "attempt", "error", "failInfo", "original"]),
        st.sampled_from([b"", b"0", b"-1", b"9" * 30, b"\xff", b"x", "٣".encode()]),
    ),
)
def test_whoever_wrote_to_the_topic_the_record_is_shown(value: bytes | None, headers: dict[str, bytes]) -> None:
    found = trace_of(FAILED, RecordWithHeaders(Record(0, 1, 5, None, value), headers))
    assert found.position == Position(0, 1)
    assert found.origin is not None or found.hindrance


def test_a_record_of_the_existing_job_has_no_way_back() -> None:
    found = trace_of(FAILED, RecordWithHeaders(Record(0, 1, 5, None, b'{"mid": "m"}'), {}))
    assert (found.job_name, found.origin, found.hindrance) == ("", None, NO_WAY_BACK)


def test_groups_are_by_job_error_and_reason_the_newest_first() -> None:
    groups = failure_groups(
        [
            trace(0, 1_000, batch="b1"),
            trace(1, 3_000, batch="b2"),
            trace(2, 2_000, batch="b1"),
            trace(3, 5_000, reason="other", batch="b3"),
            trace(4, 4_000, job_name="parcels", batch=""),
        ]
    )
    assert [(g.job_name, g.reason, g.count, g.first_ms, g.last_ms, g.batches) for g in groups] == [
        ("tally", "other", 1, 5_000, 5_000, ("b3",)),
        ("parcels", "because", 1, 4_000, 4_000, ()),
        ("tally", "because", 3, 1_000, 3_000, ("b2", "b1")),
    ]


def test_the_newest_come_first() -> None:
    assert [one.position.offset for one in newest_first([trace(0, 5), trace(1, 7), trace(2, 7)])] == [1, 2, 0]
