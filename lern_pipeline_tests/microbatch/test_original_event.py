"""The event comes out of its failed record as it was, as far as the record allows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.events.record import Record, RecordWithHeaders
from lern_pipeline.jobs.assessment_aggregator.failed_events import failed_event
from lern_pipeline.microbatch.failed_topic import FAILED_GROUP
from lern_pipeline.microbatch.original_event import (
    NO_VALUE,
    NO_WAY_BACK,
    ONLY_A_PART,
    TOO_LARGE,
    UNREADABLE,
    NotRedrivable,
    hindrance,
    original_event,
)
from lern_pipeline_tests.microbatch.failed_records import failed_record, without

pytestmark = pytest.mark.rules

#: Spaces, order and a number that JSON would be written with otherwise.
EVENT = b'{ "mid": "m",  "edata": {"score": 1.50, "x": "\\u00e9"} }'


@given(value=st.binary(max_size=200), key=st.none() | st.binary(max_size=50))
def test_value_and_key_come_back_byte_by_byte(value: bytes, key: bytes | None) -> None:
    found = original_event(failed_record(value, key, readable=False))
    assert (found.value, found.key) == (value, key)


def test_a_readable_event_too() -> None:
    assert original_event(failed_record(EVENT)).value == EVENT


def test_so_does_an_event_whose_failed_record_has_a_shape_of_the_jobs_own() -> None:
    assert original_event(failed_record(EVENT, shape=failed_event)).value == EVENT
    assert original_event(failed_record(b"{", readable=False, shape=failed_event)).value == b"{"


def test_and_one_of_which_a_part_has_failed() -> None:
    assert original_event(failed_record(EVENT, error_class=FAILED_GROUP, members={"userId": "u"})).value == EVENT


@pytest.mark.parametrize("raw", [b"{not JSON", "Prüfung".encode(), b"", b"\xff\xfe"])
def test_without_the_bytes_an_unreadable_event_is_what_stands_under_raw(raw: bytes) -> None:
    assert original_event(without(failed_record(raw, readable=False), "original")).value == raw


def test_without_the_bytes_a_readable_event_is_written_anew_from_its_members() -> None:
    """An earlier mark of a failure is lost then."""
    event = {"mid": "m", "edata": {"a": [1, 2.5, None]}, "raw": "its own"}
    found = original_event(without(failed_record(json.dumps(event | {"jobName": "x"}).encode()), "original", "key"))
    assert json.loads(found.value) == event
    assert found.key is None


LARGE = json.dumps({"text": "x" * 40_000}).encode()


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (failed_record(None, readable=False), NO_VALUE),
        (failed_record(json.dumps({"text": "x" * 60_000}).encode(), max_bytes=50_000), TOO_LARGE),
        (failed_record(LARGE, smaller=True), TOO_LARGE),
        (without(failed_record(EVENT, shape=failed_event), "original"), TOO_LARGE),
        (without(failed_record(EVENT, error_class=FAILED_GROUP), "original"), ONLY_A_PART),
        (RecordWithHeaders(Record(0, 1, 0, None, EVENT), {}), NO_WAY_BACK),
        (RecordWithHeaders(Record(0, 1, 0, None, b"["), {}), UNREADABLE),
        (RecordWithHeaders(Record(0, 1, 0, None, b"[1]"), {}), UNREADABLE),
        (RecordWithHeaders(Record(0, 1, 0, None, None), {}), UNREADABLE),
        (RecordWithHeaders(Record(0, 1, 0, None, b'{"raw": 5}'), {"error": b"x"}), UNREADABLE),
        (RecordWithHeaders(Record(0, 1, 0, None, b'{"raw_base64": "\xc3\xa9"}'), {"error": b"x"}), UNREADABLE),
    ],
)
def test_what_cannot_be_sent_again_says_why(found: RecordWithHeaders, why: str) -> None:
    assert hindrance(found) == why
    with pytest.raises(NotRedrivable, match=why[:20]):
        original_event(found)


def test_an_event_too_large_for_its_failed_topic_may_still_carry_its_bytes() -> None:
    """The value says where it is, the header has it."""
    event = b'"' * 30_000
    found = failed_record(event, readable=False, max_bytes=50_000)
    assert b"originalBytes" in (found.record.value or b"")
    assert original_event(found).value == event
