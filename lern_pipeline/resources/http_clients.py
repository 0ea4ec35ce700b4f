"""The HTTP clients of one service: as many as there are calls under way at once, each for one call at a time.

The client library's own pool looks at all of its connections, under one lock, for each call: with twenty threads most
of their time went into waiting for one another.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx2

from lern_pipeline.settings import JobSettings


class HttpClients:
    """Made on first use, kept with their connections until :meth:`close`, lent to any thread.

    Args:
        make: a new client, of :func:`new_client`.
    """

    def __init__(self, make: Callable[[], httpx2.Client]) -> None:
        self._make = make
        self._idle: list[httpx2.Client] = []
        self._lock = threading.Lock()
        self._generation = 0

    @contextmanager
    def lent(self) -> Iterator[httpx2.Client]:
        """A client for one call, its answer's body included."""
        with self._lock:
            generation = self._generation
            # The last one used: its connection is the least likely to have been closed by the service.
            client = self._idle.pop() if self._idle else None
        if client is None:
            client = self._make()
        try:
            yield client
        finally:
            with self._lock:
                is_current = generation == self._generation
                if is_current:
                    self._idle.append(client)
            if not is_current:
                client.close()

    def close(self) -> None:
        """Close all; those under way when their call ends."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._generation += 1
        for client in idle:
            client.close()


def new_client(settings: JobSettings, **options: Any) -> httpx2.Client:
    """A client with the time-outs of the settings."""
    return httpx2.Client(
        timeout=httpx2.Timeout(
            settings.number("http.read.timeout.seconds"), connect=settings.number("http.connect.timeout.seconds")
        ),
        verify=_trusted(),
        **options,
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Read once per process: it takes longer than a call."""
    return httpx2.create_ssl_context()
