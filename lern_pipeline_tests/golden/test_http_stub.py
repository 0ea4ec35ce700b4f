"""The stub of the HTTP services."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection, RemoteDisconnected

import pytest

from lern_pipeline_tests.golden.http_stub import HttpStub, is_part

pytestmark = pytest.mark.rules


@pytest.fixture
def stub() -> Iterator[HttpStub]:
    with HttpStub() as running:
        yield running


def call(stub: HttpStub, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
    connection = HTTPConnection(stub.host_and_port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_first_route_that_fits_answers(stub: HttpStub) -> None:
    route = {"service": "search", "method": "POST", "path": "/v3/search?a=b"}
    stub.add([
        {**route, "body_has": {"request": {"filters": {"identifier": "x"}}}, "answer": {"n": 1}},
        {**route, "body_has": {"request": {}}, "status": 503, "answer": {"n": 2}},
        {**route, "text": "<svg/>", "type": "image/svg+xml"},
    ])  # fmt: skip
    filters = {"filters": {"identifier": "x", "status": []}, "fields": ["status"]}
    assert call(stub, "POST", "/search/v3/search?a=b", {"request": filters}) == (200, '{"n": 1}')
    assert call(stub, "POST", "/search/v3/search?a=b", {"request": {"filters": {}}}) == (503, '{"n": 2}')
    assert call(stub, "POST", "/search/v3/search?a=b") == (200, "<svg/>")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/s/p"), ("POST", "/s/q"), ("POST", "/t/p"), ("POST", "/s/p?x=1")]
)
def test_without_a_route_the_answer_is_404(stub: HttpStub, method: str, path: str) -> None:
    stub.add([{"service": "s", "method": "POST", "path": "/p", "answer": {}}])
    assert call(stub, method, path) == (404, "{}")


def test_a_route_answers_only_so_often(stub: HttpStub) -> None:
    route = {"service": "s", "method": "GET", "path": "/p"}
    stub.add([{**route, "status": 500, "answer": {}, "times": 2}, {**route, "answer": {"ok": True}}])
    assert [call(stub, "GET", "/s/p")[0] for _ in range(4)] == [500, 500, 200, 200]


def test_a_connection_may_be_dropped_or_kept_waiting(stub: HttpStub) -> None:
    stub.add([
        {"service": "s", "method": "GET", "path": "/drop", "drop": True, "answer": {}},
        {"service": "s", "method": "GET", "path": "/slow", "delay_s": 0.2, "answer": {}},
    ])  # fmt: skip
    with pytest.raises(RemoteDisconnected):
        call(stub, "GET", "/s/drop")
    started = time.monotonic()
    assert call(stub, "GET", "/s/slow") == (200, "{}")
    assert time.monotonic() - started >= 0.2


def test_paths_with_encoded_characters_fit_their_plain_form(stub: HttpStub) -> None:
    stub.add([{"service": "s", "method": "GET", "path": "/users/f:p:u-t01", "answer": {}}])
    assert call(stub, "GET", "/s/users/f%3Ap%3Au-t01")[0] == 200
    assert [request["path"] for request in stub.requests_of("u-t01")] == ["/users/f%3Ap%3Au-t01"]


def test_requests_are_found_by_the_tag_in_path_or_body(stub: HttpStub) -> None:
    call(stub, "GET", "/s/read/u-t01?fields=a")
    call(stub, "POST", "/s/search", {"id": "do_t02"}, Authorization="K1")
    call(stub, "POST", "/s/key", {"filters": {}})
    assert [(one["service"], one["method"], one["path"], one["body"]) for one in stub.requests_of("t01")] == [
        ("s", "GET", "/read/u-t01?fields=a", None)
    ]
    (tagged,) = stub.requests_of("t02")
    assert tagged["body"] == {"id": "do_t02"}
    assert tagged["headers"]["Authorization"] == "K1"
    assert len(stub.requests) == 3


def test_parts_of_bodies() -> None:
    whole = {"a": {"b": [{"c": 1, "d": 2}, 5], "e": "text"}}
    parts: list[object] = [{}, {"a": {}}, {"a": {"b": [{"c": 1}]}}, whole]
    for part in parts:
        assert is_part(part, whole)
    others: list[object] = [
        {"x": 1},
        {"a": {"b": [5]}},
        {"a": {"e": "tex"}},
        {"a": None},
        [],
        {"a": {"b": [{"c": True}]}},
    ]
    for part in others:
        assert not is_part(part, whole)
    assert is_part("t01", "a body with t01 in it")
    assert not is_part({"a": 1}, "text")
