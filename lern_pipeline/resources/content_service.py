"""The content read API: how many questions a content has (platform contract H2, P14, decisions 4 and 5)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec
import stamina

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.services import ContentAnswer, ContentUnusable
from lern_pipeline.resources.outage import one_line
from lern_pipeline.settings import JobSettings

CONCURRENT_REQUESTS = 8
SETTING = "content.read.api"


class _NotAnswered(Exception):
    """Lost connection, time-out, 429 or 5xx: worth another try."""


class ContentService:
    """Typed client of ``GET <content.read.api><content id>``. Nothing is kept between calls."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        self.counts: Counter[str] = Counter() if counts is None else counts

    def close(self) -> None:
        """Nothing is kept open between calls."""

    def read_contents(self, content_ids: Iterable[str]) -> dict[str, ContentAnswer | ContentUnusable]:
        """See :class:`lern_pipeline.microbatch.services.ContentReader`."""
        wanted = sorted(set(content_ids))
        if not wanted:
            return {}
        timeout = httpx2.Timeout(
            self._settings.number("http.read.timeout.seconds"),
            connect=self._settings.number("http.connect.timeout.seconds"),
        )
        with (
            httpx2.Client(timeout=timeout, follow_redirects=True) as client,
            ThreadPoolExecutor(CONCURRENT_REQUESTS, "content") as pool,
        ):
            reading = _Reading(client, self._settings, self.counts)
            return dict(zip(wanted, pool.map(reading.content, wanted), strict=True))


class _Reading:
    """One call of :meth:`ContentService.read_contents`: after the first failure the others do not try any more."""

    def __init__(self, client: httpx2.Client, settings: JobSettings, counts: Counter[str]) -> None:
        self._client = client
        self._prefix = settings.text(SETTING)
        self._attempts = settings.integer("http.attempts")
        self._counts = counts
        self._lock = threading.Lock()
        self._failure: ConfigurationError | ServiceUnavailable | None = None

    def content(self, content_id: str) -> ContentAnswer | ContentUnusable:
        if self._failure is not None:
            raise self._failure
        try:
            return self._content(self._prefix + _path_segment(content_id))
        except (ConfigurationError, ServiceUnavailable) as error:
            self._failure = error
            raise

    def _content(self, url: str) -> ContentAnswer | ContentUnusable:
        try:
            for attempt in stamina.retry_context(
                on=_NotAnswered, attempts=self._attempts, timeout=None, wait_initial=0.2, wait_max=2.0, wait_jitter=0.3
            ):
                with attempt:
                    return self._ask(url)
        except _NotAnswered as error:
            raise ServiceUnavailable("content service", url, str(error)) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _ask(self, url: str) -> ContentAnswer | ContentUnusable:
        with self._lock:
            self._counts["http.requests"] += 1
        try:
            response = self._client.get(url)
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise ConfigurationError(
                f"content service: {url} is no address ({one_line(error)}): check {SETTING}"
            ) from error
        except httpx2.TransportError as error:
            raise _NotAnswered(f"did not answer: {one_line(error)}") from error
        except httpx2.RequestError as error:
            return ContentUnusable(f"the content service's answer cannot be read: {type(error).__name__}")
        status = response.status_code
        if status == 429 or status >= 500:
            raise _NotAnswered(f"answered {status}")
        if status in (401, 403):
            raise ConfigurationError(f"content service answers {status} to {url}: check {SETTING}")
        return _parsed(status, response.content)


def _path_segment(content_id: str) -> str:
    # A lone dot or two would be taken as "this directory" and "the one above".
    return quote(content_id, safe="") if content_id.strip(".") else content_id.replace(".", "%2E")


def _parsed(status: int, content: bytes) -> ContentAnswer | ContentUnusable:
    try:
        answer: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ContentUnusable(f"the content service answered {status} without JSON")
    response_code = _member(answer, "responseCode")
    if not isinstance(response_code, str):
        return ContentUnusable(f"the content service answered {status} without a responseCode")
    total_questions = _member(_member(_member(answer, "result"), "content"), "totalQuestions")
    return ContentAnswer(status < 300, response_code, total_questions)


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
