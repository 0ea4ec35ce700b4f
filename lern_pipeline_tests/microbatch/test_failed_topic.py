"""Messages to the failed topic: the contract's value, the way back to the batch, the original bytes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.failed_topic import FailedTopic
from lern_pipeline.microbatch.plan import Message

pytestmark = pytest.mark.rules

ORIGINAL = b'{"edata": {"action": "x"}, "mid": "m"}'
RECORD = Record(3, 41, 1_700_000_000_000, b"u-ada", ORIGINAL)


def message(
    record: Record = RECORD, original: dict[str, Any] | Record | None = None, max_bytes: int = 1_000_000, **given: Any
) -> Message:
    topic = FailedTopic("test.failed", "test.input", "tally", "20270101T000000Z_3.0-50", 2, max_bytes)
    members = json.loads(ORIGINAL) if original is None else original
    arguments = {"error": "edata.userId is missing", "code": "INVALID_DATA", "error_class": "InvalidEvent"} | given
    return topic.message(record, members, **arguments)


def test_the_value_is_the_original_event_with_the_reason() -> None:
    assert json.loads(message().value) == {
        "edata": {"action": "x"},
        "mid": "m",
        "jobName": "tally",
        "failInfo": {
            "error": "edata.userId is missing",
            "errorCode": "INVALID_DATA",
            "topic": "test.input",
            "partition": 3,
            "offset": 41,
        },
    }


def test_headers_lead_back_to_the_batch_and_the_record() -> None:
    assert message().headers == [
        ("topic", b"test.input"),
        ("partition", b"3"),
        ("offset", b"41"),
        ("batch", b"20270101T000000Z_3.0-50"),
        ("error", b"InvalidEvent"),
        ("attempt", b"2"),
        ("key", b"u-ada"),
        ("original", ORIGINAL),
    ]


def test_the_reason_is_a_header_where_there_is_one() -> None:
    assert dict(message(reason="edata.userId is missing").headers)["reason"] == b"edata.userId is missing"
    assert len(dict(message(reason="x" * 5_000).headers)["reason"]) == 200
    assert dict(message(reason="\ud800").headers)["reason"] == b"?"


@pytest.mark.parametrize("key", [None, b"k" * 1025], ids=["none", "too long"])
def test_a_key_that_is_not_there_or_has_no_room_is_no_header(key: bytes | None) -> None:
    assert "key" not in dict(message(Record(3, 41, 0, key, ORIGINAL)).headers)


def test_attempts_count_on_where_the_event_was_sent_again() -> None:
    assert dict(message(Record(3, 41, 0, None, ORIGINAL, earlier_attempts=4)).headers)["attempt"] == b"6"


def test_an_earlier_failure_of_the_event_is_replaced_and_not_nested() -> None:
    value = json.loads(message(original={"jobName": "other", "failInfo": {"error": "old"}, "a": 1}).value)
    assert value["jobName"] == "tally"
    assert value["failInfo"]["error"] == "edata.userId is missing"
    assert value["a"] == 1


@pytest.mark.parametrize(
    ("raw", "members"),
    [
        (b"{not JSON", {"raw": "{not JSON"}),
        ("Prüfung".encode(), {"raw": "Prüfung"}),
        (b"", {"raw": ""}),
        (None, {"raw": None}),
        (b"\xff\xfe", {"raw_base64": base64.b64encode(b"\xff\xfe").decode()}),
    ],
)
def test_an_unreadable_record_stands_under_raw(raw: bytes | None, members: dict[str, Any]) -> None:
    record = RECORD.__class__(3, 41, 0, None, raw)
    value = json.loads(message(record, record).value)
    assert {name: value[name] for name in value if name.startswith("raw")} == members
    assert value["jobName"] == "tally"


def test_a_tombstone_has_no_original_bytes_to_carry() -> None:
    record = Record(3, 41, 0, b"k", None)
    assert "original" not in dict(message(record, record).headers)


def test_a_value_that_does_not_fit_is_replaced_by_one_that_says_where_the_original_is() -> None:
    found = message(original={"text": "x" * 60_000}, max_bytes=50_000)
    value = json.loads(found.value)
    assert "text" not in value
    assert value["jobName"] == "tally"
    assert value["failInfo"]["originalBytes"] > 60_000
    assert value["failInfo"]["batch"] == "20270101T000000Z_3.0-50"
    assert (value["failInfo"]["partition"], value["failInfo"]["offset"]) == (3, 41)


@pytest.mark.parametrize("size", [10, 400, 24_000, 45_000, 49_000, 60_000, 200_000])
@pytest.mark.parametrize("readable", [True, False])
def test_a_failed_message_always_fits_the_topic(size: int, readable: bool) -> None:
    text = json.dumps({"text": "x" * size}).encode() if readable else b"\xff" * size
    record = Record(3, 41, 0, None, text)
    found = message(record, json.loads(text) if readable else record, max_bytes=50_000, error="e" * size)
    assert len(found.value) + sum(len(name) + len(value) for name, value in found.headers) < 50_000


def test_several_messages_of_one_record_are_told_apart() -> None:
    assert message(number=1).id != message(number=2).id
    assert message().id == message().id
