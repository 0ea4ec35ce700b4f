"""Channels of notifications in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from lern_pipeline.microbatch.channels import Mail, NotSent, Push, Sent, Sms
from lern_pipeline_tests.microbatch.journal import Journal


class InMemoryChannel:
    """Keeps what was tried and what was sent, in order. ``answer``: what it says to a message."""

    def __init__(self, name: str, journal: Journal) -> None:
        self.name = name
        self.journal = journal
        self.tried: list[Any] = []
        self.sent: list[Any] = []
        self.answer: Callable[[Any], Sent | NotSent] = lambda message: Sent()
        self._lock = threading.Lock()

    def send(self, message: Sms | Mail | Push) -> Sent | NotSent:
        with self._lock:
            self.tried.append(message)
        answer = self.answer(message)
        with self._lock:
            self.journal.append(f"{self.name} {'sent' if isinstance(answer, Sent) else 'refused'}")
            if isinstance(answer, Sent):
                self.sent.append(message)
        return answer

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryChannels:
    """SMS, mail and push."""

    def __init__(self, journal: Journal) -> None:
        self.sms = InMemoryChannel("sms", journal)
        self.mail = InMemoryChannel("mail", journal)
        self.push = InMemoryChannel("push", journal)
