"""Connections to HTTP services: pooled, shared by all threads, one request at a time on each, never repeated here."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import certifi
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    LocationValueError,
    MaxRetryError,
    NewConnectionError,
    SSLError,
)
from urllib3.util import Url, make_headers, parse_url

from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.resources.outage import one_line
from lern_pipeline.settings import JobSettings

# Of one server. How many calls are under way is bounded elsewhere; a connection too many would be made anew each time.
CONNECTIONS_KEPT = 256
MOST_REDIRECTS = 20


class NoAnswer(Exception):
    """No connection, or one that was lost. ``certain``: none was made, so nothing was done."""

    def __init__(self, reason: str, certain: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.certain = certain


class UnusableAddress(Exception):
    """What was given is no address of an HTTP service."""


class UnusableHeader(Exception):
    """A header cannot be sent. It may be a secret: this does not tell it."""


class HttpConnections:
    """Made on first use, kept until :meth:`close`, with the time-outs of the settings and the proxies of the
    environment."""

    def __init__(self, settings: JobSettings, follow_redirects: bool = False) -> None:
        self._settings = settings
        self._follow_redirects = follow_redirects
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        self._ways: dict[tuple[str | None, str | None, int | None], _Way] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all that are idle; those under way when their call ends."""
        with self._lock:
            managers, self._managers, self._ways = self._managers, {}, {}
        for manager in managers.values():
            manager.clear()

    def ask(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        """The answer, whatever its status; after too many redirects that of the last one.

        Raises:
            NoAnswer: time-out, no connection, a connection that was lost.
            UnusableAddress, UnusableHeader: nothing was sent.
        """
        try:
            address = _address(url)
            way = self._way(address)
            response = way.connections.urlopen(
                method,
                address.request_uri if way.is_direct else url,
                body=content,
                headers=_encoded(address, headers),
                redirect=self._follow_redirects,
                retries=_redirects() if self._follow_redirects else False,
                preload_content=False,
            )
            try:
                return Answer(response.status, response.read(decode_content=True))
            except DecodeError:
                response.close()
                return Answer(response.status, b"")
        except LocationValueError as error:
            raise UnusableAddress(one_line(error)) from error
        except MaxRetryError as error:
            raise _no_answer(error.reason or error) from error
        except HTTPError as error:
            raise _no_answer(error) from error
        except ValueError:
            raise UnusableHeader from None

    def _way(self, address: Url) -> _Way:
        to = (address.scheme, address.host, address.port)
        with self._lock:
            # Where redirects lead, and whose addresses events name, there may be any number of servers.
            if self._follow_redirects:
                return _Way(self._manager(_proxy(address)), is_direct=False)
            way = self._ways.get(to)
            if way is None:
                way = self._ways[to] = self._new_way(address)
            return way

    def _new_way(self, address: Url) -> _Way:
        proxy = _proxy(address)
        manager = self._manager(proxy)
        if proxy is not None:
            return _Way(manager, is_direct=False)
        return _Way(manager.connection_from_host(address.host, address.port, address.scheme), is_direct=True)

    def _manager(self, proxy: str | None) -> urllib3.PoolManager:
        manager = self._managers.get(proxy)
        if manager is None:
            manager = self._managers[proxy] = self._new_manager(proxy)
        return manager

    def _new_manager(self, proxy: str | None) -> urllib3.PoolManager:
        timeout = urllib3.Timeout(
            connect=self._settings.number("http.connect.timeout.seconds"),
            read=self._settings.number("http.read.timeout.seconds"),
        )
        if proxy is not None:
            return urllib3.ProxyManager(proxy, maxsize=CONNECTIONS_KEPT, timeout=timeout, ssl_context=trusted())
        return urllib3.PoolManager(maxsize=CONNECTIONS_KEPT, timeout=timeout, ssl_context=trusted())


@dataclass(frozen=True, slots=True)
class _Way:
    """How one server is asked. ``is_direct``: its own connections, which take the path alone; choosing them anew for
    each call costs as much as the rest of it."""

    connections: urllib3.PoolManager | urllib3.HTTPConnectionPool
    is_direct: bool


@lru_cache(maxsize=1024)
def _address(url: str) -> Url:
    address = parse_url(url)
    if address.scheme not in ("http", "https") or not address.host:
        raise LocationValueError("neither http:// nor https:// and a host")
    return address


def _encoded(address: Url, headers: Mapping[str, str]) -> dict[str, str]:
    """With those that every request carries; credentials in the address go the usual way. The library encodes as
    Latin-1: what it is given is UTF-8 already."""
    credentials = None if address.auth is None else unquote(address.auth)
    common = make_headers(accept_encoding="gzip,deflate", basic_auth=credentials)
    return {name: value.encode().decode("latin-1") for name, value in (common | dict(headers)).items()}


def _redirects() -> urllib3.Retry:
    return urllib3.Retry(
        total=None, connect=0, read=0, status=0, other=0, redirect=MOST_REDIRECTS, raise_on_redirect=False
    )


def _no_answer(error: Exception) -> NoAnswer:
    # A certificate that is not trusted ends a connection before anything is asked.
    certain = isinstance(error, (NewConnectionError, ConnectTimeoutError)) or (
        isinstance(error, SSLError) and any(isinstance(part, ssl.SSLCertVerificationError) for part in error.args)
    )
    # The library's texts begin with the connection they are about.
    reason = one_line(error).rpartition("): ")[2]
    return NoAnswer(reason, certain)


def _proxy(address: Url) -> str | None:
    proxies = getproxies()
    if not proxies or proxy_bypass(address.netloc or ""):
        return None
    return proxies.get(address.scheme or "") or proxies.get("all")


@cache
def trusted() -> ssl.SSLContext:
    """Authorities of the system and of the library. Read once per process: it takes longer than a call."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
