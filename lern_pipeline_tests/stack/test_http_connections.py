"""Connections to HTTP services as the client library makes them: redirects, compression, proxies, TLS."""

from __future__ import annotations

import gzip
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from lern_pipeline.local.addresses import free_port
from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.resources.http_connections import HttpConnections, NoAnswer, UnusableAddress, UnusableHeader
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.third_party.certificates import certificate_in

pytestmark = pytest.mark.stack


def connections(follow_redirects: bool = False, **environment: str) -> HttpConnections:
    settings = load_configuration(None, environment).for_job("activity-aggregate-updater")
    return HttpConnections(settings, follow_redirects)


def test_redirects_are_followed_where_that_is_asked_for(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/old").respond_with_data("", 302, headers={"Location": "/new"})
    httpserver.expect_request("/new").respond_with_data("here")
    old = httpserver.url_for("/old")
    assert connections(follow_redirects=True).ask("GET", old, None, {}) == Answer(200, b"here")
    assert connections().ask("GET", old, None, {}) == Answer(302, b"")


def test_after_too_many_redirects_the_last_one_is_the_answer(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/round").respond_with_data("", 302, headers={"Location": "/round"})
    answer = connections(follow_redirects=True).ask("GET", httpserver.url_for("/round"), None, {})
    assert answer.status == 302
    assert len(httpserver.log) == 21


def test_a_redirect_out_of_http_is_no_address(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/old").respond_with_data("", 302, headers={"Location": "file:///etc/passwd"})
    with pytest.raises(UnusableAddress):
        connections(follow_redirects=True).ask("GET", httpserver.url_for("/old"), None, {})


def test_compressed_content_is_asked_for_and_read(httpserver: HTTPServer) -> None:
    def answer(request: Request) -> Response:
        assert "gzip" in request.headers["Accept-Encoding"]
        return Response(gzip.compress(b"text"), headers={"Content-Encoding": "gzip"})

    httpserver.expect_request("/x").respond_with_handler(answer)
    assert connections().ask("GET", httpserver.url_for("/x"), None, {}) == Answer(200, b"text")


def test_a_path_goes_out_as_it_is_given() -> None:
    path = "/a/%2E%2E/b%2Fc%20d%3F%7C?q=%2B+"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        received: list[bytes] = []

        def serve() -> None:
            connection, _ = listening.accept()
            received.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        connections().ask("GET", f"http://127.0.0.1:{listening.getsockname()[1]}{path}", None, {})
    assert received[0].startswith(f"GET {path} HTTP/1.1\r\n".encode())


def test_credentials_in_an_address_are_sent(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x", headers={"Authorization": "Basic dXNlcjpwdw=="}).respond_with_data("in")
    address = httpserver.url_for("/x").replace("http://", "http://us%65r:pw@")
    assert connections().ask("GET", address, None, {}) == Answer(200, b"in")


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    ],
    ids=["HEAD", "without content", "chunked"],
)
def test_an_answer_of_any_kind_gives_its_connection_back(method: str, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answered: list[int] = []

        def serve() -> None:
            # Accepting ends with the test.
            with suppress(OSError):
                for number in (1, 2):
                    connection, _ = listening.accept()
                    while connection.recv(65536):
                        answered.append(number)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        asked = connections()
        for _ in range(3):
            asked.ask(method, f"http://127.0.0.1:{listening.getsockname()[1]}/", None, {})
        assert answered == [1, 1, 1]
        asked.close()


def test_what_is_not_compressed_as_it_says_has_no_content(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data(b"no gzip", headers={"Content-Encoding": "gzip"})
    asked = connections()
    assert [asked.ask("GET", httpserver.url_for("/x"), None, {}) for _ in range(2)] == [Answer(200, b"")] * 2


@pytest.mark.parametrize(("method", "content"), [("POST", b"{}"), ("POST", None), ("DELETE", None), ("GET", None)])
def test_only_a_question_whose_kept_connection_is_closed_under_it_is_sent_again(
    method: str, content: bytes | None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        received: list[bytes] = []

        def answer(connection: socket.socket) -> None:
            with connection:
                while taken := connection.recv(65536):
                    received.append(taken)
                    # The first is answered and its connection kept; the second is taken and gets no answer.
                    if len(received) == 2:
                        break
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

        def serve() -> None:
            # Accepting ends with the test.
            with suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        asked = connections()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        asked.ask(method, url, content, {})
        if method == "GET":
            # Asking again changes nothing.
            assert asked.ask(method, url, content, {}).content == b"x"
            assert len(received) == 3
        else:
            with pytest.raises(NoAnswer) as raised:
                asked.ask(method, url, content, {})
            assert not raised.value.certain
            assert len(received) == 2


def test_what_is_no_http_is_a_connection_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            connection.recv(65536)
            connection.sendall(b"220 mail.example ESMTP\r\n\r\n")
            connection.close()

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(NoAnswer) as raised:
            connections().ask("POST", f"http://127.0.0.1:{listening.getsockname()[1]}/", b"{}", {})
        assert (raised.value.kind, raised.value.certain) == ("connection lost", False)


def test_who_does_not_take_the_connection_in_time_has_done_nothing() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        asked = connections(LERN_PIPELINE_HTTP_CONNECT_TIMEOUT_SECONDS="0.2")
        with pytest.raises(NoAnswer) as raised:
            asked.ask("POST", f"http://127.0.0.1:{listening.getsockname()[1]}/", b"{}", {})
        assert (raised.value.kind, raised.value.certain) == ("time-out", True)
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    "headers", [{"a": "b\r\nc: d"}, {"a": "\0"}, {"a\n": "b"}, {"a:b": "c"}, {"": "b"}, {"a": "\ud800"}]
)
def test_a_header_that_would_be_more_than_one_is_not_sent(httpserver: HTTPServer, headers: dict[str, str]) -> None:
    with pytest.raises(UnusableHeader):
        connections().ask("GET", httpserver.url_for("/x"), None, headers)
    assert httpserver.log == []


def test_headers_are_sent_as_utf_8_and_empty_ones_too(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("here")
    connections().ask("GET", httpserver.url_for("/x"), None, {"a": "\xfc", "b": ""})
    sent = httpserver.log[0][0].headers
    assert (sent["a"].encode("latin-1"), sent["b"]) == ("\xfc".encode(), "")


@pytest.mark.parametrize("url", ["", "/x", "ftp://host/", "http://", "http://[::1/", "http://host:99999/", "http:///x"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(UnusableAddress):
        connections().ask("GET", url, None, {})


def test_what_may_not_stand_in_an_address_is_encoded(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a b/\xfc").respond_with_data("here")
    assert connections().ask("GET", httpserver.url_for("/") + "a b/\xfc", None, {}) == Answer(200, b"here")


def test_one_connection_is_used_again_and_replaced_when_the_service_has_closed_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made: list[socket.socket] = []

        def serve() -> None:
            for answers in (2, 1):
                connection, _ = listening.accept()
                made.append(connection)
                for _ in range(answers):
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        asked = connections()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        assert [asked.ask("GET", url, None, {}).content for _ in range(3)] == [b"x"] * 3
        assert len(made) == 2


def test_a_proxy_of_the_environment_is_asked(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    httpserver.expect_request("/x").respond_with_data("by the proxy")
    monkeypatch.setenv("http_proxy", httpserver.url_for(""))
    monkeypatch.setenv("no_proxy", "elsewhere.invalid")
    asked = connections()
    assert asked.ask("GET", "http://service.invalid/x", None, {}).content == b"by the proxy"
    with pytest.raises(NoAnswer):
        asked.ask("GET", "http://elsewhere.invalid/x", None, {})


def test_who_does_not_listen_has_done_nothing() -> None:
    port = free_port()
    with pytest.raises(NoAnswer) as raised:
        connections().ask("POST", f"http://127.0.0.1:{port}/", b"{}", {})
    assert raised.value.certain
    # Nothing in it that is another number the next time.
    assert (
        raised.value.reason
        == f"Failed to connect to 127.0.0.1:{port}: Could not connect to server (Connection refused)"
    )


def test_who_is_not_trusted_has_been_asked_nothing(tmp_path: Path) -> None:
    made = certificate_in(tmp_path)
    with HTTPServer(host="localhost", ssl_context=made.server_context()) as server:
        with pytest.raises(NoAnswer, match="certificate") as raised:
            connections().ask("POST", server.url_for("/x"), b"{}", {})
        assert raised.value.certain
        assert not server.log


def test_an_authority_that_the_environment_names_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = certificate_in(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    with HTTPServer(host="localhost", ssl_context=made.server_context()) as server:
        server.expect_request("/x").respond_with_data("in")
        assert connections().ask("GET", server.url_for("/x"), None, {}) == Answer(200, b"in")


def test_who_takes_a_request_and_stays_silent_may_have_done_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(NoAnswer, match="timed out") as raised:
            connections(LERN_PIPELINE_HTTP_READ_TIMEOUT_SECONDS="0.2").ask("POST", url, b"{}", {})
    assert (raised.value.reason, raised.value.certain) == ("Operation timed out", False)
