"""Requests, answers, and scripted answers that come before those of the services."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True)
class Request:
    """A request as it was made. ``path`` is as sent, with its query; ``service`` is the path's first segment and not
    in ``path``; ``body`` is parsed where it is JSON."""

    service: str
    method: str
    path: str
    body: Any
    headers: Mapping[str, str]

    @property
    def whole_path(self) -> str:
        """With the first segment, without the query."""
        return f"/{self.service}{self.path}".partition("?")[0]


@dataclass(frozen=True)
class Answer:
    """What to answer, and how badly.

    Args:
        body: bytes and text go out as they are, anything else as JSON.
        delay_s: seconds before anything is sent.
        drop: the connection is closed without an answer.
        reset: it is reset.
    """

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    drop: bool = False
    reset: bool = False

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    @property
    def content_type(self) -> str:
        return "text/plain" if isinstance(self.body, str | bytes) else "application/json"


NOT_FOUND = Answer(status=404)


@dataclass
class Route:
    """A scripted answer: for which requests, and how often (``times``; None: for ever)."""

    answer: Answer
    service: str | None = None
    method: str | None = None
    path: str | None = None
    body_has: Any = None
    times: int | None = None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Route:
        """From a document of recorded scenarios or of ``POST /_script``.

        It has ``service``, ``method``, ``path`` and ``body_has``, each matching anything where it is absent; ``times``;
        and of the answer ``answer`` (JSON), ``text`` or ``base64``, ``type``, ``headers``, ``status``, ``delay_s``,
        ``drop``, ``reset``.
        """
        body = document.get("answer")
        if "text" in document:
            body = document["text"]
        elif "base64" in document:
            body = base64.b64decode(document["base64"])
        elif isinstance(body, str):
            # A JSON text, which as such would go out without its quotes.
            body = json.dumps(body)
        headers = dict(document.get("headers", {}))
        if "type" in document:
            headers["Content-Type"] = document["type"]
        answer = Answer(
            body,
            document.get("status", 200),
            headers,
            document.get("delay_s", 0),
            bool(document.get("drop")),
            bool(document.get("reset")),
        )
        return cls(answer, *(document.get(name) for name in ("service", "method", "path", "body_has", "times")))

    def fits(self, request: Request) -> bool:
        """Whether the request is this route's, and it has answers left."""
        return (
            self.times != 0
            and self.service in (None, request.service)
            and self.method in (None, request.method)
            and self.path in (None, request.path, unquote(request.path))
            and (self.body_has is None or is_part(self.body_has, request.body))
        )

    def take(self) -> Answer:
        """The answer; one less is left."""
        if self.times is not None:
            self.times -= 1
        return self.answer


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
