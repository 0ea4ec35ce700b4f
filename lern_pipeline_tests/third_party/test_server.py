"""The server that stands in for third-party services: scripted answers, what is remembered, and control over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection, RemoteDisconnected
from typing import Any

import pytest

from lern_pipeline_tests.third_party.answers import Answer, is_part
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.all_services import all_services

pytestmark = pytest.mark.rules


@pytest.fixture
def server() -> Iterator[ThirdParty]:
    with ThirdParty() as running:
        yield running


@pytest.fixture
def serving() -> Iterator[ThirdParty]:
    with ThirdParty(all_services()) as running:
        yield running


def call(server: ThirdParty, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
    connection = HTTPConnection(server.host_and_port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def asked(server: ThirdParty, method: str, path: str, body: object = None) -> Any:
    """The answer of the server's control or of a service."""
    return json.loads(call(server, method, path, body)[1])


# --- scripted answers


def test_the_first_route_that_fits_answers(server: ThirdParty) -> None:
    route = {"service": "search", "method": "POST", "path": "/v3/search?a=b"}
    server.add([
        {**route, "body_has": {"request": {"filters": {"identifier": "x"}}}, "answer": {"n": 1}},
        {**route, "body_has": {"request": {}}, "status": 503, "answer": {"n": 2}},
        {**route, "text": "<svg/>", "type": "image/svg+xml"},
    ])  # fmt: skip
    filters = {"filters": {"identifier": "x", "status": []}, "fields": ["status"]}
    assert call(server, "POST", "/search/v3/search?a=b", {"request": filters}) == (200, '{"n": 1}')
    assert call(server, "POST", "/search/v3/search?a=b", {"request": {"filters": {}}}) == (503, '{"n": 2}')
    assert call(server, "POST", "/search/v3/search?a=b") == (200, "<svg/>")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/s/p"), ("POST", "/s/q"), ("POST", "/t/p"), ("POST", "/s/p?x=1")]
)
def test_without_a_route_the_answer_is_404(server: ThirdParty, method: str, path: str) -> None:
    server.add([{"service": "s", "method": "POST", "path": "/p", "answer": {}}])
    assert call(server, method, path) == (404, "{}")


def test_a_route_answers_only_so_often(server: ThirdParty) -> None:
    route = {"service": "s", "method": "GET", "path": "/p"}
    server.add([{**route, "status": 500, "answer": {}, "times": 2}, {**route, "answer": {"ok": True}}])
    assert [call(server, "GET", "/s/p")[0] for _ in range(4)] == [500, 500, 200, 200]


def test_what_a_service_answers_in_turn(server: ThirdParty) -> None:
    server.answer("s", Answer(status=503), Answer(b"\xff", headers={"X-Why": "y"}), {"ok": True})
    assert call(server, "GET", "/s/x") == (503, "{}")
    connection = HTTPConnection(server.host_and_port, timeout=10)
    connection.request("POST", "/s/anything")
    answer = connection.getresponse()
    assert (answer.read(), answer.headers["X-Why"]) == (b"\xff", "y")
    connection.close()
    assert [call(server, "PUT", "/s/x")[1] for _ in range(2)] == ['{"ok": true}'] * 2
    assert call(server, "GET", "/other/x")[0] == 404


@pytest.mark.parametrize(("how", "error"), [("drop", RemoteDisconnected), ("reset", ConnectionResetError)])
def test_a_connection_may_be_dropped_or_reset(server: ThirdParty, how: str, error: type[Exception]) -> None:
    server.add([{"service": "s", "method": "GET", "path": "/p", how: True, "answer": {}, "times": 1}])
    server.answer("s", {"ok": True})
    with pytest.raises(error) as raised:
        call(server, "GET", "/s/p")
    # RemoteDisconnected is a ConnectionResetError too.
    assert type(raised.value) is error
    assert call(server, "GET", "/s/p")[0] == 200


def test_an_answer_may_be_kept_waiting_for(server: ThirdParty) -> None:
    server.add([{"service": "s", "method": "GET", "path": "/slow", "delay_s": 0.2, "answer": {}}])
    started = time.monotonic()
    assert call(server, "GET", "/s/slow") == (200, "{}")
    assert time.monotonic() - started >= 0.2


def test_paths_with_encoded_characters_fit_their_plain_form(server: ThirdParty) -> None:
    server.add([{"service": "s", "method": "GET", "path": "/users/f:p:u-t01", "answer": {}}])
    assert call(server, "GET", "/s/users/f%3Ap%3Au-t01")[0] == 200
    assert [request.path for request in server.requests_of("u-t01")] == ["/users/f%3Ap%3Au-t01"]


# --- what is remembered


def test_requests_are_found_by_the_tag_in_path_or_body(server: ThirdParty) -> None:
    call(server, "GET", "/s/read/u-t01?fields=a")
    call(server, "POST", "/s/search", {"id": "do_t02"}, Authorization="K1")
    call(server, "POST", "/s/key", {"filters": {}})
    assert [(one.service, one.method, one.path, one.body) for one in server.requests_of("t01")] == [
        ("s", "GET", "/read/u-t01?fields=a", None)
    ]
    (tagged,) = server.requests_of("t02")
    assert tagged.body == {"id": "do_t02"}
    assert tagged.headers["Authorization"] == "K1"
    assert len(server.requests) == 3


# --- over HTTP, as from another process


def test_requests_can_be_looked_at_and_forgotten(serving: ThirdParty) -> None:
    call(serving, "GET", "/api/content/v1/read/do_1")
    call(serving, "POST", "/search/v3/search", {"id": "do_2"})
    found = asked(serving, "GET", "/_requests")
    assert [(one["service"], one["path"], one["body"]) for one in found] == [
        ("api", "/content/v1/read/do_1", None),
        ("search", "/v3/search", {"id": "do_2"}),
    ]
    assert asked(serving, "GET", "/_requests?tag=do_2") == found[1:]
    assert asked(serving, "DELETE", "/_requests") == {"ok": True}
    assert asked(serving, "GET", "/_requests") == []


def test_answers_are_scripted_before_those_of_the_services(serving: ThirdParty) -> None:
    asked(serving, "PUT", "/_state/content", {"do_1": {}})
    read = "/api/content/v1/read/do_1"
    asked(serving, "POST", "/_script", [{"service": "api", "status": 500, "times": 1}, {"path": "/x", "text": "hi"}])
    assert [call(serving, "GET", read)[0] for _ in range(2)] == [500, 200]
    assert call(serving, "GET", "/any/x") == (200, "hi")
    asked(serving, "DELETE", "/_script")
    assert call(serving, "GET", "/any/x")[0] == 404


def test_state_is_added_and_looked_at(serving: ThirdParty) -> None:
    assert asked(serving, "GET", "/_state")["search"] == {}
    asked(serving, "PUT", "/_state/search", {"do_1": {"status": "Live"}})
    asked(serving, "PUT", "/_state/search", {"do_2": {"status": "Retired"}})
    assert asked(serving, "GET", "/_state")["search"] == {
        "do_1": {"identifier": "do_1", "status": "Live"},
        "do_2": {"identifier": "do_2", "status": "Retired"},
    }


@pytest.mark.parametrize(("method", "path"), [("PUT", "/_state/none"), ("GET", "/_else"), ("POST", "/_state")])
def test_an_unknown_control_is_404(serving: ThirdParty, method: str, path: str) -> None:
    assert call(serving, method, path, {})[0] == 404


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
