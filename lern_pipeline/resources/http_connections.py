"""Connections to HTTP services: kept, shared by all threads, one request at a time on each. Only GET and
HEAD may be sent twice here."""

from __future__ import annotations

import io
import os
import re
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import pycurl

from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.settings import JobSettings

MOST_REDIRECTS = 20

# All that may stand in an address as it is.
_LEGAL = "!#$%&'()*+,/:;=?@[]~"
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")

# How long it took is another number each time, and reasons stand in records that must come out the same again.
_HOW_LONG = re.compile(r" after \d+ m(?:illi)?s(?:econds)?(?: with \d+(?: out of \d+)? bytes received)?")

_KINDS = {
    pycurl.E_COULDNT_RESOLVE_PROXY: "no connection",
    pycurl.E_COULDNT_RESOLVE_HOST: "no connection",
    pycurl.E_COULDNT_CONNECT: "no connection",
    pycurl.E_OPERATION_TIMEDOUT: "time-out",
    pycurl.E_SSL_CONNECT_ERROR: "no TLS connection",
    pycurl.E_PEER_FAILED_VERIFICATION: "not trusted",
}
_OTHER_KIND = "connection lost"


class NoAnswer(Exception):
    """No connection, or one that was lost. ``kind``: in a few words that name no address. ``certain``: nothing was
    sent, so nothing was done."""

    def __init__(self, reason: str, kind: str, certain: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.certain = certain


class UnusableAddress(Exception):
    """What was given is no address of an HTTP service."""


class UnusableHeader(Exception):
    """A header cannot be sent. It may be a secret: this does not tell it."""


class HttpConnections:
    """Made on first use, kept until :meth:`close`, with the time-outs of the settings and the proxies of the
    environment."""

    def __init__(self, settings: JobSettings, follow_redirects: bool = False) -> None:
        self._connect_ms = round(settings.number("http.connect.timeout.seconds") * 1000)
        self._read_ms = round(settings.number("http.read.timeout.seconds") * 1000)
        self._follow_redirects = follow_redirects
        self._proxies = getproxies()
        # Each keeps a connection of its own. The one used last comes first: its connection is the likeliest to be open.
        self._idle: list[pycurl.Curl] = []

    def close(self) -> None:
        """Close all that are idle; those under way when their call ends."""
        idle, self._idle = self._idle, []
        for handle in idle:
            handle.close()

    def ask(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        """The answer, whatever its status; after too many redirects that of the last one.

        Raises:
            NoAnswer: time-out, no connection, a connection that was lost.
            UnusableAddress, UnusableHeader: nothing was sent.
        """
        parts, address = _address(url)
        proxy = _proxy(parts, self._proxies) if self._proxies else ""
        lines = _lines(headers)
        idle = self._idle
        try:
            handle = idle.pop()
        except IndexError:
            handle = self._new_handle()
        try:
            answer = self._asked(handle, method, address, proxy, content, lines)
        except BaseException:
            # What its kept connection is worth is not known: the next call makes one.
            handle.close()
            raise
        if idle is self._idle:
            idle.append(handle)
        else:
            handle.close()
        return answer

    def _new_handle(self) -> pycurl.Curl:
        handle = pycurl.Curl()
        # Signals would interrupt other threads.
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        handle.setopt(pycurl.USERAGENT, "lern-pipeline")
        handle.setopt(pycurl.FOLLOWLOCATION, int(self._follow_redirects))
        handle.setopt(pycurl.MAXREDIRS, MOST_REDIRECTS)
        # A question is asked again for each kept connection that is found closed.
        handle.setopt(pycurl.MAXCONNECTS, 1)
        handle.setopt(pycurl.PATH_AS_IS, 1)
        handle.setopt(pycurl.ACCEPT_ENCODING, "gzip, deflate")
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, self._connect_ms)
        handle.setopt(pycurl.TIMEOUT_MS, self._read_ms)
        for option, place in _authorities():
            handle.setopt(option, place)
        return handle

    def _asked(
        self, handle: pycurl.Curl, method: str, address: str, proxy: str, content: bytes | None, lines: list[bytes]
    ) -> Answer:
        answered = io.BytesIO()
        handle.setopt(pycurl.URL, address)
        handle.setopt(pycurl.PROXY, proxy)
        handle.setopt(pycurl.HTTPHEADER, lines)
        handle.setopt(pycurl.WRITEFUNCTION, answered.write)
        _set_method(handle, method, content)
        try:
            handle.perform()
        except pycurl.error as error:
            return _without_success(handle, *error.args)
        return Answer(handle.getinfo(pycurl.RESPONSE_CODE), answered.getvalue())


def _set_method(handle: pycurl.Curl, method: str, content: bytes | None) -> None:
    has_content = bool(content) or method in ("POST", "PUT", "PATCH")
    handle.unsetopt(pycurl.CUSTOMREQUEST)
    if has_content:
        body = io.BytesIO(content or b"")
        handle.setopt(pycurl.POST, 1)
        handle.setopt(pycurl.POSTFIELDSIZE_LARGE, len(content or b""))
        # The library sends a request again whose kept connection is closed before an answer came. What it cannot
        # read a second time it does not.
        handle.setopt(pycurl.READFUNCTION, body.read)
    elif method == "HEAD":
        handle.setopt(pycurl.NOBODY, 1)
    else:
        handle.setopt(pycurl.HTTPGET, 1)
    if method not in ("GET", "HEAD", "POST") or (method == "GET" and has_content):
        handle.setopt(pycurl.CUSTOMREQUEST, method)
    # Nor does it send again what went out on a connection of its own.
    handle.setopt(pycurl.FRESH_CONNECT, int(not content and method not in ("GET", "HEAD")))


def _without_success(handle: pycurl.Curl, code: int, text: str) -> Answer:
    """The answer where there is one all the same.

    Raises:
        NoAnswer, UnusableAddress: there is none.
    """
    status: int = handle.getinfo(pycurl.RESPONSE_CODE)
    if code in (pycurl.E_TOO_MANY_REDIRECTS, pycurl.E_BAD_CONTENT_ENCODING) and status:
        return Answer(status, b"")
    is_redirect = 300 <= status < 400
    if code == pycurl.E_URL_MALFORMAT or (code == pycurl.E_UNSUPPORTED_PROTOCOL and is_redirect):
        raise UnusableAddress(text)
    text = _HOW_LONG.sub("", text)
    number = handle.getinfo(pycurl.OS_ERRNO) if code == pycurl.E_COULDNT_CONNECT else 0
    reason = f"{text} ({os.strerror(number)})" if number else text
    raise NoAnswer(reason, _KINDS.get(code, _OTHER_KIND), certain=handle.getinfo(pycurl.REQUEST_SIZE) == 0)


def _lines(headers: Mapping[str, str]) -> list[bytes]:
    # Not sent at all unless given: larger requests would first ask whether they may come, and no content is a form.
    lines = ["Expect:"] if "Content-Type" in headers else ["Expect:", "Content-Type:"]
    for name, value in headers.items():
        if _CONTROL.search(name) or _CONTROL.search(value) or not name or ":" in name:
            raise UnusableHeader
        lines.append(f"{name}: {value}" if value.strip() else f"{name};")
    try:
        return [line.encode() for line in lines]
    except UnicodeEncodeError:
        raise UnusableHeader from None


def _address(url: str) -> tuple[SplitResult, str]:
    """Its parts, and as it is sent."""
    try:
        parts = urlsplit(url)
        # Both raise where they are none.
        host, _ = parts.hostname, parts.port
        address = quote(url, safe=_LEGAL, errors="surrogatepass")
    except ValueError as error:
        raise UnusableAddress(str(error)) from error
    if parts.scheme not in ("http", "https") or not host:
        raise UnusableAddress("neither http:// nor https:// and a host")
    return parts, address


def _proxy(parts: SplitResult, proxies: Mapping[str, str]) -> str:
    """The empty text for none."""
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    return proxies.get(parts.scheme) or proxies.get("all") or ""


def _authorities() -> list[tuple[int, str]]:
    """Files and directories of trusted certificates, with the option that takes each: the system's, or a usual set
    where it has no file."""
    places = ssl.get_default_verify_paths()
    found = [(pycurl.CAINFO, places.cafile or certifi.where())]
    return [*found, (pycurl.CAPATH, places.capath)] if places.capath else found
