"""One POST without a second attempt, for channels whose every failure is an answer (decisions 5, last sentence).

Unlike :mod:`lern_pipeline.resources.http_service` nothing is repeated here: who is on the other side may have sent
what it did not answer.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

from lern_pipeline.microbatch.channels import NotSent
from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.resources.http_connections import HttpConnections, NoAnswer
from lern_pipeline.settings import JobSettings


class OneAttempt:
    """Pooled connections to one service, shared by all threads, opened on first use. Redirects are not followed.

    ``name``: as reasons call the service.
    """

    def __init__(self, name: str, settings: JobSettings, counts: Counter[str]) -> None:
        self._name = name
        self._counts = counts
        self._connections = HttpConnections(settings)
        self._lock = threading.Lock()

    def close(self) -> None:
        self._connections.close()

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer | NotSent:
        """The answer, whatever its status. Without one the reason, which names nothing but the kind of error: texts
        of libraries may quote addresses and headers."""
        with self._lock:
            self._counts["http.requests"] += 1
        try:
            return self._connections.ask("POST", url, content, headers)
        except NoAnswer as error:
            return NotSent(f"{self._name} did not answer: {error.kind}")
        # Whatever it is, it means that nothing is known to have been sent (contract notification-job 3).
        except Exception as error:
            return NotSent(f"{self._name} did not answer: {type(error).__name__}")
