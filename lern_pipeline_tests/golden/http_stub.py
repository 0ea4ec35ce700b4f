"""The HTTP services of the scenarios: routes answer, and every request is remembered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote


@dataclass
class Route:
    """One answer of one scenario; see README.md for the members."""

    document: Mapping[str, Any]
    answered: int = 0

    def fits(self, request: Mapping[str, Any]) -> bool:
        """Whether method, path and body are the route's; one with `times` fits only so often."""
        times = self.document.get("times")
        return (
            (times is None or self.answered < times)
            and self.document["service"] == request["service"]
            and self.document["method"] == request["method"]
            and self.document["path"] in (request["path"], unquote(request["path"]))
            and ("body_has" not in self.document or is_part(self.document["body_has"], request["body"]))
        )


@dataclass
class HttpStub:
    """A server on a free local port, from `with` to its end.

    `requests` are all requests in order: service, method, path with query, body (parsed where it is JSON), headers.
    """

    requests: list[dict[str, Any]] = field(default_factory=list)
    _routes: list[Route] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> HttpStub:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                stub._handle(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the requests are remembered instead."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
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

    def add(self, routes: Sequence[Mapping[str, Any]]) -> None:
        """Routes behind those that are there: the first that fits answers."""
        with self._lock:
            self._routes += [Route(route) for route in routes]

    def requests_of(self, tag: str) -> list[dict[str, Any]]:
        """The requests that carry a scenario's tag in path or body."""
        with self._lock:
            return [
                request
                for request in self.requests
                if tag in unquote(request["path"]) or tag in json.dumps(request["body"], ensure_ascii=False)
            ]

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        service, _, path = handler.path.lstrip("/").partition("/")
        text = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode(errors="replace")
        request = {
            "service": service,
            "method": handler.command,
            "path": "/" + path,
            "body": _parsed(text),
            "headers": dict(handler.headers.items()),
        }
        with self._lock:
            self.requests.append(request)
            route = next((route for route in self._routes if route.fits(request)), None)
            if route is not None:
                route.answered += 1
        answer: Mapping[str, Any] = {"status": 404, "answer": {}} if route is None else route.document
        time.sleep(answer.get("delay_s", 0))
        if answer.get("drop"):
            handler.close_connection = True
            return
        body = (answer["text"] if "text" in answer else json.dumps(answer.get("answer"))).encode()
        kind = answer.get("type", "text/plain" if "text" in answer else "application/json")
        handler.send_response(answer.get("status", 200))
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)


def is_part(part: object, whole: object) -> bool:
    """Whether the whole has at least this: members of objects, first elements of lists, a piece of a text."""
    if isinstance(part, str) and isinstance(whole, str):
        return part in whole
    return _is_json_part(part, whole)


def _is_json_part(part: object, whole: object) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            name in whole and _is_json_part(part[name], whole[name]) for name in part
        )
    if isinstance(part, list):
        if not isinstance(whole, list) or len(part) > len(whole):
            return False
        return all(_is_json_part(one, other) for one, other in zip(part, whole, strict=False))
    return isinstance(part, bool) is isinstance(whole, bool) and part == whole


def _parsed(text: str) -> object:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
