"""The server: scripted answers first, then the services, and every request is remembered.

Under its address, beside the services:

| request | does |
|---|---|
| ``GET /_requests[?tag=TEXT]`` | the requests so far, in order; with ``tag`` those that have it in path or body |
| ``DELETE /_requests`` | forgets them |
| ``GET /_state`` | what each service holds, by name |
| ``PUT /_state/<service>`` | adds to what one holds |
| ``POST /_script`` | routes, behind those that are there (see :meth:`.answers.Route.of`) |
| ``DELETE /_script`` | forgets them |
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from lern_pipeline_tests.third_party.answers import NOT_FOUND, Answer, Request, Route
from lern_pipeline_tests.third_party.services import Service


class ThirdParty:
    """A server on a local port (0: a free one), from `with` to its end.

    Without services, requests that nothing is scripted for are answered 404 `{}`.
    """

    def __init__(self, services: Sequence[Service] = (), port: int = 0) -> None:
        self.services = {service.name: service for service in services}
        self._requests: list[Request] = []
        self._routes: list[Route] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _handler(self._answered))

    def __enter__(self) -> ThirdParty:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def host_and_port(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def address(self) -> str:
        return f"http://{self.host_and_port}"

    # --- scripts

    def add(self, routes: Sequence[Mapping[str, Any]]) -> None:
        """Routes behind those that are there: the first that fits answers."""
        with self._lock:
            self._routes += [Route.of(route) for route in routes]

    def answer(self, service: str, *answers: Any) -> None:
        """To whatever the service is asked: the answers in order, the last one for ever. What is no
        :class:`Answer` is the body of one."""
        given = [answer if isinstance(answer, Answer) else Answer(answer) for answer in answers]
        last = len(given) - 1
        with self._lock:
            self._routes += [
                Route(answer, service, times=None if number == last else 1) for number, answer in enumerate(given)
            ]

    def forget_scripts(self) -> None:
        """The services answer again."""
        with self._lock:
            self._routes.clear()

    # --- looking at it

    @property
    def requests(self) -> list[Request]:
        """All requests so far, in order."""
        with self._lock:
            return list(self._requests)

    def requests_of(self, tag: str) -> list[Request]:
        """The requests that carry a text in path, its first segment included, or body."""
        return [
            request
            for request in self.requests
            if tag in unquote(f"{request.service}{request.path}") or tag in json.dumps(request.body, ensure_ascii=False)
        ]

    # --- answering

    def _answered(self, request: Request) -> Answer:
        if request.service.startswith("_"):
            return self._control(request)
        with self._lock:
            self._requests.append(request)
            route = next((route for route in self._routes if route.fits(request)), None)
            if route is not None:
                return route.take()
            answers = (service.answer(request) for service in self.services.values())
            return next((answer for answer in answers if answer is not None), NOT_FOUND)

    def _control(self, request: Request) -> Answer:
        what = f"/{request.service}{request.path}".rstrip("/")
        split = urlsplit(what)
        match (request.method, split.path):
            case ("GET", "/_requests"):
                tags = parse_qs(split.query).get("tag")
                found = self.requests_of(tags[0]) if tags else self.requests
                return Answer([asdict(one) for one in found])
            case ("DELETE", "/_requests"):
                with self._lock:
                    self._requests.clear()
            case ("GET", "/_state"):
                with self._lock:
                    # As text while nothing changes it.
                    state = json.dumps({name: service.state() for name, service in self.services.items()})
                return Answer(state, headers={"Content-Type": "application/json"})
            case ("PUT", path) if path.removeprefix("/_state/") in self.services:
                with self._lock:
                    self.services[path.removeprefix("/_state/")].add(request.body)
            case ("POST", "/_script"):
                self.add(request.body)
            case ("DELETE", "/_script"):
                self.forget_scripts()
            case _:
                return NOT_FOUND
        return Answer({"ok": True})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # Of many that connect at once none is turned away.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is its own affair."""


def _handler(answered: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes, and the second is not to wait for the first one's acknowledgement.
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            answer = answered(self._request())
            time.sleep(answer.delay_s)
            if answer.drop or answer.reset:
                self._break_off(answer.reset)
                return
            content = answer.content
            self.send_response(answer.status)
            headers = {"Content-Type": answer.content_type, "Content-Length": str(len(content))} | dict(answer.headers)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

        def _request(self) -> Request:
            service, _, path = self.path.lstrip("/").partition("/")
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
            return Request(service, self.command, "/" + path, _parsed(text), dict(self.headers.items()))

        def _break_off(self, reset: bool) -> None:
            self.close_connection = True
            if reset:
                # Closed without lingering, which TCP says with a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the requests are remembered instead."""

    return Handler


def _parsed(text: str) -> object:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
