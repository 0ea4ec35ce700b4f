"""What all HTTP clients share: attempts, what may be repeated, which error says what (decisions 5)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.local.addresses import free_port
from lern_pipeline.microbatch.effects import NotCarriedOut
from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.resources.http_service import HttpService
from lern_pipeline.settings import load_configuration

pytestmark = pytest.mark.stack

ADDRESS = "service.search.basePath"


def service(base: str, credentials: str | None = None, **environment: str) -> HttpService:
    given = {"LERN_PIPELINE_SERVICE_SEARCH_BASEPATH": base} | environment
    settings = load_configuration(None, given).for_job("activity-aggregate-updater")
    return HttpService("registry", settings, ADDRESS, credentials)


def answering(server: HTTPServer, *answers: Response) -> HttpService:
    """A client of a server that gives the answers in order, the last one for ever."""
    left = list(answers)
    server.expect_request("/base/x").respond_with_handler(lambda _: left.pop(0) if len(left) > 1 else left[0])
    return service(server.url_for("/base"))


@contextmanager
def hanging_up() -> Iterator[tuple[str, list[bytes]]]:
    """A server that takes requests and closes the connection without an answer; what it was sent."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    received.append(connection.recv(65536))

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", received
        listening.shutdown(socket.SHUT_RDWR)


def test_an_answer_below_500_is_the_callers(httpserver: HTTPServer) -> None:
    answer = answering(httpserver, Response('{"a": {"b": [1]}}', 404)).get("/x")
    assert answer.status == 404
    assert answer.member("a", "b") == [1]
    assert answer.member("a", "b", "c") is None
    assert answer.says('"b"')
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_what_is_no_json_has_no_members(content: bytes) -> None:
    assert Answer(200, content).json() is None
    assert Answer(200, content).member("a") is None


def test_a_request_carries_body_headers_and_query(httpserver: HTTPServer) -> None:
    client = answering(httpserver, Response("{}"))
    client.post("/x?fields=a,b", {"n": 1}, headers={"Authorization": "key"})
    ((request, _),) = httpserver.log
    assert request.json == {"n": 1}
    assert request.query_string == b"fields=a,b"
    assert (request.headers["Authorization"], request.headers["Content-Type"]) == ("key", "application/json")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_outage_is_tried_again_and_every_attempt_counted(httpserver: HTTPServer, status: int) -> None:
    client = answering(httpserver, Response(status=status), Response(status=status), Response("{}"))
    assert client.get("/x").status == 200
    assert client.counts["http.requests"] == 3


def test_what_must_not_be_repeated_is_sent_once(httpserver: HTTPServer) -> None:
    with pytest.raises(ServiceUnavailable, match="answered 500") as raised:
        answering(httpserver, Response(status=500)).post("/x", {}, repeatable=False)
    assert not isinstance(raised.value, NotCarriedOut)
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(("repeatable", "requests"), [(False, 1), (True, 3)])
def test_a_connection_that_is_lost_may_have_done_it(repeatable: bool, requests: int) -> None:
    with hanging_up() as (base, received):
        with pytest.raises(ServiceUnavailable, match="did not answer") as raised:
            service(base).post("/x", {}, repeatable=repeatable)
        assert not isinstance(raised.value, NotCarriedOut)
        assert len(received) == requests


@pytest.mark.parametrize("repeatable", [False, True])
def test_without_a_connection_nothing_was_done_and_it_is_tried_again(repeatable: bool) -> None:
    client = service(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NotCarriedOut, match=r"registry at http://127.0.0.1:.*/x is not available"):
        client.post("/x", {}, repeatable=repeatable)
    assert client.counts["http.requests"] == 3


def test_a_lost_attempt_counts_also_where_the_last_one_made_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def take_one_and_go() -> None:
            connection, _ = listening.accept()
            listening.close()
            connection.recv(65536)
            connection.close()

        threading.Thread(target=take_one_and_go, daemon=True).start()
        with pytest.raises(ServiceUnavailable) as raised:
            service(base).post("/x", {})
    assert not isinstance(raised.value, NotCarriedOut)
    assert "refused" in str(raised.value)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_setting_to_check(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/x").respond_with_data("", status)
    with pytest.raises(ConfigurationError, match=rf"registry answers {status} to .*/x: check service\.rc\.key"):
        service(httpserver.url_for(""), "service.rc.key").get("/x")
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("base", ["", "search", "ftp://x", "http://:x"])
def test_an_address_that_is_none_names_the_setting(base: str) -> None:
    with pytest.raises(ConfigurationError, match=r"service\.search\.basePath"):
        service(base).get("/x")


@pytest.mark.parametrize("secret", ["grüße", "a\nb", "a\rb", "Ω"])
def test_a_secret_that_cannot_be_sent_is_not_told(httpserver: HTTPServer, secret: str) -> None:
    httpserver.expect_request("/x").respond_with_data("", 200)
    client = service(httpserver.url_for(""), "service.rc.key")
    try:
        client.get("/x", headers={"Authorization": secret})
    except ConfigurationError as error:
        assert "service.rc.key" in str(error)
        assert secret not in str(error) and repr(secret)[1:-1] not in str(error)
    else:
        ((request, _),) = httpserver.log
        assert request.headers["Authorization"].encode("latin-1").decode() == secret


def test_errors_tell_neither_query_nor_credentials_nor_body(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("asha@example.org", 500)
    base = httpserver.url_for("").replace("http://", "http://user:pw@")
    with pytest.raises(ServiceUnavailable) as raised:
        service(base, LERN_PIPELINE_HTTP_ATTEMPTS="1").get("/x?name=asha")
    assert not [told for told in ("asha", "pw", "user", "?") if told in str(raised.value)]
    assert "/x" in str(raised.value)


def test_an_answer_that_cannot_be_decompressed_has_no_content(httpserver: HTTPServer) -> None:
    broken = Response("no gzip", headers={"Content-Encoding": "gzip"})
    assert answering(httpserver, broken).get("/x") == Answer(200, b"")


def test_an_address_that_is_too_long_is_answered_as_a_server_would() -> None:
    assert service("http://127.0.0.1:9").get("/" + "x" * 70_000) == Answer(414, b"")


def test_a_client_is_used_again_after_close(httpserver: HTTPServer) -> None:
    client = answering(httpserver, Response("{}"))
    for _ in range(2):
        assert client.get("/x").status == 200
        client.close()


def test_each_distinct_key_is_asked_for_once_by_several_threads() -> None:
    together = threading.Barrier(8, timeout=30)
    asked = []

    def ask(key: str) -> str:
        asked.append(key)
        together.wait()
        return key.upper()

    found = service("http://x").for_each([*"abcdefgh", *"abc"], ask)
    assert found == {key: key.upper() for key in "abcdefgh"}
    assert sorted(asked) == list("abcdefgh")


def test_after_an_outage_no_further_key_is_asked_for(httpserver: HTTPServer) -> None:
    client = answering(httpserver, Response(status=500))
    with pytest.raises(ServiceUnavailable):
        client.for_each([f"k{n}" for n in range(100)], lambda _: client.get("/x"))
    assert len(httpserver.log) <= 3 * 8


def test_many_threads_share_the_connections(httpserver: HTTPServer) -> None:
    seen: list[str] = []

    def answer(request: Request) -> Response:
        seen.append(request.path)
        return Response("{}")

    httpserver.expect_request("/base/x").respond_with_handler(answer)
    client = service(httpserver.url_for("/base"))
    answers = client.for_each([str(n) for n in range(200)], lambda _: client.get("/x").status)
    assert set(answers.values()) == {200}
    assert client.counts["http.requests"] == len(seen) == 200
