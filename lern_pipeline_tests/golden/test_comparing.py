"""How expected and actual are compared, and that differences are not overlooked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lern_pipeline_tests.golden.comparing import Comparison
from lern_pipeline_tests.golden.freedoms import Freedoms, freedoms_of
from lern_pipeline_tests.golden.masks import RunWindow

pytestmark = pytest.mark.rules

START = datetime(2026, 3, 4, 10, 20, 30, tzinfo=UTC)
WINDOW = RunWindow(START, START + timedelta(seconds=10))
NOW = "2026-03-04 10:20:33.100Z"
STRICT = Comparison(WINDOW)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        (1.5e12, 1500000000000),
        (123456789012345678901234567890, 123456789012345678901234567890),
        ({"at": "<now>"}, {"at": NOW}),
        ({"x": {"failInfo": {"error": "e"}}}, {"x": {"failInfo": {"error": "e", "offset": 3}}}),
    ],
)
def test_equal_values(expected: Any, actual: Any) -> None:
    assert STRICT.values(expected, actual) == []


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": None}, {}),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        (1, True),
        (0, False),
        (True, 1),
        ("1", 1),
        (123456789012345678901234567890, 123456789012345678901234567891),
        ({"failInfo": {"error": "e"}}, {"failInfo": {"error": "f"}}),
        ({"failInfo": {"error": "e"}}, {"failInfo": {}}),
        ({"at": "<now>"}, {"at": "2024-01-01 00:00:00Z"}),
        ({}, []),
        (None, 0),
    ],
)
def test_different_values(expected: Any, actual: Any) -> None:
    assert STRICT.values(expected, actual)


def test_rows_in_any_order_with_nulls_left_out() -> None:
    expected = [{"id": "a", "at": "<now>"}, {"id": "b"}]
    assert STRICT.rows("t", expected, [{"id": "b", "at": None}, {"id": "a", "at": NOW}]) == []


@pytest.mark.parametrize(
    "actual",
    [
        [],
        [{"id": "a", "n": 1}],
        [{"id": "a", "n": 1}, {"id": "b", "n": 3}],
        [{"id": "a", "n": 1}, {"id": "b", "n": 2}, {"id": "c"}],
        [{"id": "a", "n": 1}, {"id": "a", "n": 1}],
    ],
)
def test_rows_that_are_missing_different_or_too_many(actual: list[dict[str, Any]]) -> None:
    assert STRICT.rows("t", [{"id": "a", "n": 1}, {"id": "b", "n": 2}], actual)


def test_a_mask_does_not_take_the_partner_of_another_message() -> None:
    expected = [{"key": None, "value": "<any>"}, {"key": None, "value": "x"}]
    assert STRICT.messages("t", expected, [{"key": None, "value": "x"}, {"key": None, "value": "y"}]) == []


def test_messages_count() -> None:
    message = {"key": None, "value": {"a": 1}}
    assert STRICT.messages("t", [message, message], [message])
    assert STRICT.messages("t", [message], [message, message])
    assert STRICT.messages("t", [message], [{"key": "k", "value": {"a": 1}}])


def entry(value: Any, kind: str = "string", **members: Any) -> dict[str, Any]:
    return {"type": kind, "value": value, **members}


def test_redis_units_are_compared_as_json() -> None:
    assert STRICT.redis("5", {"u": entry('{"a":1.5E12,"b":[1]}')}, {"u": entry('{"b": [1], "a": 1500000000000}')}) == []
    assert STRICT.redis("5", {"u": entry('{"a":1}')}, {"u": entry('{"a":2}')})
    assert STRICT.redis("5", {"u": entry('{"a":1}')}, {"u": entry("no JSON")})
    assert STRICT.redis("5", {"u": entry("x")}, {"u": entry("y")})


def test_redis_sets_hashes_and_lists() -> None:
    assert STRICT.redis("10", {"k": entry(["b", "a"], "set")}, {"k": entry(["a", "b"], "set")}) == []
    assert STRICT.redis("10", {"k": entry(["b", "a"], "list")}, {"k": entry(["a", "b"], "list")})
    assert STRICT.redis("10", {"k": entry(["a"], "set")}, {"k": entry(["a"], "list")})
    assert STRICT.redis("10", {"k": entry({"a": "1"}, "hash")}, {"k": entry({"a": "2"}, "hash")})


def test_redis_keys_missing_unexpected_and_absent() -> None:
    assert STRICT.redis("10", {"k": "absent"}, {}) == []
    assert STRICT.redis("10", {"k": "absent"}, {"k": entry("")})
    assert STRICT.redis("10", {"k": entry("")}, {})
    assert STRICT.redis("10", {}, {"k": entry("")})


def test_redis_time_to_live() -> None:
    limit = {"k": entry("", ttl=604_800)}
    for ttl, fits in ((604_800, True), (603_900, True), (603_899, False), (604_801, False)):
        assert (STRICT.redis("13", limit, {"k": entry("", ttl=ttl)}) == []) is fits
    assert STRICT.redis("13", limit, {"k": entry("")})
    assert STRICT.redis("13", {"k": entry("")}, {"k": entry("", ttl=5)}) == []
    assert STRICT.redis("10", {"k": entry("")}, {"k": entry("", ttl=5)})


def request(path: str, body: object = None, **members: Any) -> dict[str, Any]:
    return {"service": "search", "method": "POST", "path": path, "body": body, **members}


def test_requests_in_order() -> None:
    one, two = request("/1"), request("/2", {"a": "<any>"})
    found = [request("/1", headers={}), request("/2", {"a": 5}, headers={})]
    assert STRICT.requests([one, two], found) == []
    assert STRICT.requests([two, one], found)
    assert STRICT.requests([one], found)
    assert STRICT.requests([one, two, two], found)


def test_requests_may_be_repeated_where_the_scenario_says_so() -> None:
    compare = Comparison(WINDOW, Freedoms(repeated_requests=True))
    assert compare.requests([request("/1")], [request("/1"), request("/1")]) == []
    assert compare.requests([request("/1")], [])
    assert compare.requests([request("/1")], [request("/1"), request("/2")])


def test_requests_that_may_be_made_unasked() -> None:
    compare = Comparison(WINDOW, Freedoms(repeated_requests=True, unasked_requests=True))
    assert compare.requests([request("/1")], [request("/1"), request("/2")]) == []
    assert compare.requests([request("/1")], [request("/2")])


def test_a_failed_record_whose_shape_is_free() -> None:
    compare = Comparison(WINDOW, Freedoms(failed_records=True))
    assert compare.values("<any>cp13<any>", {"raw": '["cp13"]'}) == []
    assert compare.values("<any>cp13<any>", {"raw": '["cp14"]'})


def test_a_phrase_ends_at_a_full_stop_too() -> None:
    assert freedoms_of("The profile may be read once for the batch. times of the rows.") == Freedoms(
        repeated_requests=True
    )


def test_headers_ignoring_the_case_of_their_names() -> None:
    wanted = [{"service": "search", "method": "POST", "path": "/1", "headers": {"Authorization": "K1"}}]
    assert STRICT.headers(wanted, [request("/1", headers={"authorization": "K1", "X": "y"})]) == []
    assert STRICT.headers(wanted, [request("/1", headers={"authorization": "K2"})])
    assert STRICT.headers(wanted, [request("/1", headers={})])
    assert STRICT.headers(wanted, [])


def test_freedom_of_the_wording() -> None:
    compare = Comparison(WINDOW, freedoms_of("the wording of failInfo.error"))
    expected = [{"key": None, "value": {"failInfo": {"error": "e"}, "jobName": "j"}}]
    assert compare.messages("t", expected, [{"key": None, "value": {"failInfo": {"error": "f"}, "jobName": "j"}}]) == []
    assert compare.messages("t", expected, [{"key": None, "value": {"failInfo": {"error": "f"}, "jobName": "k"}}])
    assert compare.messages("t", expected, [{"key": None, "value": {"failInfo": {"error": 5}, "jobName": "j"}}])


def test_freedom_of_null_counters() -> None:
    compare = Comparison(WINDOW, freedoms_of(["number of requests (at least one)", "null counters of x0"]))
    assert compare.rows("t", [{"id": "a"}], [{"id": "a", "viewcount": 0, "completedcount": 0}]) == []
    assert compare.rows("t", [{"id": "a"}], [{"id": "a", "viewcount": 1}])
    assert compare.rows("t", [{"id": "a", "viewcount": 1}], [{"id": "a", "viewcount": 0}])
    assert STRICT.rows("t", [{"id": "a"}], [{"id": "a", "viewcount": 0}])


def test_an_unknown_freedom_is_not_passed_over() -> None:
    assert freedoms_of(None) == freedoms_of([]) == Freedoms()
    with pytest.raises(LookupError, match="whatever"):
        freedoms_of("the wording of failInfo.error; whatever")


def test_questions_may_be_in_any_order_only_where_that_is_free() -> None:
    expected, found = [{"question": [{"id": "a"}, {"id": "b"}]}], [{"question": [{"id": "b"}, {"id": "a"}]}]
    assert STRICT.rows("t", expected, found)
    free = Comparison(WINDOW, Freedoms(question_order=True))
    assert not free.rows("t", expected, found)
    assert free.rows("t", expected, [{"question": [{"id": "b"}, {"id": "b"}]}])


def test_sums_may_differ_in_their_last_bits_only_where_that_is_free() -> None:
    assert STRICT.values(0.3, 0.30000000000000004)
    free = Comparison(WINDOW, Freedoms(sums=True))
    assert not free.values(0.3, 0.30000000000000004)
    assert free.values(0.3, 0.3000001)


def test_the_last_certificate_request_is_enough_where_that_is_free() -> None:
    def request(user: str, attempt: str) -> dict[str, Any]:
        edata = {"batchId": "b", "courseId": "c", "userIds": [user], "attemptId": attempt}
        return {"key": None, "value": {"edata": edata}}

    topic = "issue.certificate.request"
    expected = [request("u1", "a1"), request("u2", "a1"), request("u1", "a2")]
    free = Comparison(WINDOW, Freedoms(coalesced_certificates=True))
    assert not free.messages(topic, expected, expected[1:])
    assert free.messages(topic, expected, expected[:2])
    assert free.messages(topic, expected, expected[2:])
    assert STRICT.messages(topic, expected, expected[1:])
