"""One POST without a second attempt, for channels whose every failure is an answer (decisions 5, last sentence).

Unlike :mod:`lern_pipeline.resources.http_service` nothing is repeated here: who is on the other side may have sent
what it did not answer.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

import httpx2

from lern_pipeline.microbatch.channels import NotSent
from lern_pipeline.resources.http_service import Answer
from lern_pipeline.settings import JobSettings


class OneAttempt:
    """Pooled connections to one service, shared by all threads, opened on first use. Redirects are not followed.

    ``name``: as reasons call the service.
    """

    def __init__(self, name: str, settings: JobSettings, counts: Counter[str]) -> None:
        self._name = name
        self._settings = settings
        self._counts = counts
        self._client: httpx2.Client | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer | NotSent:
        """The answer, whatever its status. Without one the reason, which names nothing but the kind of error: the
        library's texts may quote addresses and headers."""
        with self._lock:
            self._counts["http.requests"] += 1
        try:
            client = self._connections()
            response = client.send(client.build_request("POST", url, content=content, headers=headers), stream=True)
        # Whatever it is, it means that nothing is known to have been sent (contract notification-job 3).
        except Exception as error:
            return NotSent(f"{self._name} did not answer: {type(error).__name__}")
        try:
            return Answer(response.status_code, response.read())
        except httpx2.HTTPError:
            # The status is the answer, even where what follows cannot be read.
            return Answer(response.status_code, b"")
        finally:
            response.close()

    def _connections(self) -> httpx2.Client:
        with self._lock:
            if self._client is None:
                self._client = httpx2.Client(
                    timeout=httpx2.Timeout(
                        self._settings.number("http.read.timeout.seconds"),
                        connect=self._settings.number("http.connect.timeout.seconds"),
                        # The callers' threads are bounded; waiting for one another is no outage.
                        pool=None,
                    ),
                    follow_redirects=False,
                )
            return self._client
