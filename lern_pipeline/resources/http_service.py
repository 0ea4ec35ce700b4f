"""What all clients of HTTP services share: bounded retries, time-outs, and what an answer means (decisions 5)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from lern_pipeline.errors import AccessRefused, ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.effects import NotCarriedOut
from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.resources.http_connections import HttpConnections, NoAnswer, UnusableAddress, UnusableHeader
from lern_pipeline.resources.outage import tried
from lern_pipeline.settings import JobSettings

Key = TypeVar("Key", bound=str)
Found = TypeVar("Found")

CONCURRENT_REQUESTS = 8
JSON_HEADERS = {"Content-Type": "application/json"}

# Hardly a server takes a longer address; it would answer the same.
LONGEST_ADDRESS = 65_536
URI_TOO_LONG = 414


def path_segment(text: str) -> str:
    """The text as one segment of a path (decisions 4)."""
    # A lone dot or two would be taken as "this directory" and "the one above".
    return quote(text, safe="", errors="replace") if text.strip(".") else text.replace(".", "%2E")


class _NotAnswered(Exception):
    """Lost connection, time-out, 429 or 5xx. ``certain``: no connection was made, so nothing was done."""

    def __init__(self, reason: str, certain: bool = False, status: int | None = None) -> None:
        super().__init__(reason)
        self.certain = certain
        self.status = status


class HttpService:
    """One service. Connections are made on first use, kept until :meth:`close`, and shared by all threads.

    Args:
        name: as errors call it, for example ``content service``.
        address: the setting that holds its base address.
        credentials: the setting to check when the service answers 401 or 403, where it is not the address.
        counts: gets ``http.requests``, every attempt.
        base: the base address itself, where the setting does not hold it as it is.
    """

    def __init__(
        self,
        name: str,
        settings: JobSettings,
        address: str,
        credentials: str | None = None,
        counts: Counter[str] | None = None,
        follow_redirects: bool = False,
        base: str | None = None,
    ) -> None:
        self.name = name
        self._base = base
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._settings = settings
        self._address = address
        self._credentials = credentials or address
        self._connections = HttpConnections(settings, follow_redirects)
        self._lock = threading.Lock()

    def close(self) -> None:
        self._connections.close()

    def shown(self, path: str) -> str:
        """The address of ``path`` as errors tell it: without query and without credentials."""
        return _shown(self._url(path))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """See :meth:`send`."""
        return self.send("GET", path, headers=headers)

    def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None, repeatable: bool = True
    ) -> Answer:
        """See :meth:`send`; ``body`` goes out as JSON."""
        return self.send("POST", path, msgspec.json.encode(body), headers, repeatable)

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """The service's answer, after up to ``http.attempts`` attempts: below 500, and neither 401, 403 nor 429.

        Args:
            path: with query, percent-encoded; put behind the base address as it is.
            repeatable: without it, only an attempt that made no connection is followed by another.

        Raises:
            NotCarriedOut: no attempt made a connection.
            ServiceUnavailable: lost connection, time-out, 429 or 5xx; an attempt may have been carried out.
            ConfigurationError: 401, 403, or an address or header that cannot be used; names the setting.
        """
        url = self._url(path)
        if len(url) > LONGEST_ADDRESS:
            return Answer(URI_TOO_LONG, b"")
        sent = JSON_HEADERS | dict(headers or {})
        perhaps_done = False

        def again(error: Exception) -> bool:
            nonlocal perhaps_done
            if not isinstance(error, _NotAnswered):
                return False
            perhaps_done = perhaps_done or not error.certain
            return repeatable or error.certain

        try:
            return tried(
                lambda: self._ask(method, url, content, sent),
                on=again,
                attempts=self._settings.integer("http.attempts"),
                timeout=None,
                wait_initial=0.2,
                wait_max=2.0,
                wait_jitter=0.3,
            )
        except _NotAnswered as error:
            kind = ServiceUnavailable if perhaps_done or not error.certain else NotCarriedOut
            raise kind(self.name, _shown(url), str(error), error.status) from error

    def for_each(self, keys: Iterable[Key], ask: Callable[[Key], Found]) -> dict[Key, Found]:
        """``ask`` of each distinct key, some at a time. After the first error that concerns the whole service, no
        other key is asked for.

        Raises:
            ServiceUnavailable, ConfigurationError: the first one that ``ask`` raised.
        """
        wanted = sorted(set(keys))
        failure: ConfigurationError | ServiceUnavailable | None = None

        def answer(key: Key) -> Found:
            nonlocal failure
            if failure is not None:
                raise failure
            try:
                return ask(key)
            except (ConfigurationError, ServiceUnavailable) as error:
                failure = error
                raise

        if len(wanted) <= 1:
            return {key: answer(key) for key in wanted}
        with ThreadPoolExecutor(min(CONCURRENT_REQUESTS, len(wanted)), self.name) as pool:
            return dict(zip(wanted, pool.map(answer, wanted), strict=True))

    def _url(self, path: str) -> str:
        base = self._settings.text(self._address) if self._base is None else self._base
        # One slash between them, whatever the setting ends in.
        return (base.rstrip("/") if path.startswith("/") else base) + path

    def _ask(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        with self._lock:
            self.counts["http.requests"] += 1
        try:
            answer = self._connections.ask(method, url, content, headers)
        except UnusableAddress as error:
            raise ConfigurationError(
                f"{self.name}: {_shown(url)} is no address ({error}): check {self._address}"
            ) from error
        except UnusableHeader:
            raise ConfigurationError(
                f"{self.name}: {_shown(url)} cannot be asked: check {self._settings_to_check()}"
            ) from None
        except NoAnswer as error:
            raise _NotAnswered(f"did not answer: {error.reason}", error.certain) from error
        status = answer.status
        if status == 429 or status >= 500:
            raise _NotAnswered(f"answered {status}", status=status)
        if status in (401, 403):
            raise AccessRefused(f"{self.name} answers {status} to {_shown(url)}: check {self._credentials}", status)
        return answer

    def _settings_to_check(self) -> str:
        return " and ".join(dict.fromkeys((self._address, self._credentials)))


def _shown(url: str) -> str:
    """Without query and without credentials: for errors and logs."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else parts.path
