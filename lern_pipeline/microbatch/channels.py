"""The channels that notifications leave by, as protocols (contract notification-job 5): SMS, mail and push.

One call is one attempt. Whatever goes wrong with it, of the network, of the service or of the settings, is an answer
and no error (decisions 5), and no answer quotes a recipient, a text or a secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec


class Sms(msgspec.Struct):
    """One text to some numbers, as they stand in the event."""

    text: str
    to: list[str]


class Mail(msgspec.Struct):
    """One HTML mail. ``id`` is the same whenever this mail is sent again; it becomes part of the Message-ID."""

    id: str
    subject: str | None
    html: str
    to: list[str]


class Push(msgspec.Struct):
    """One push message to device tokens, or to all subscribers of ``topic``. ``data`` is a JSON object, as text."""

    data: str
    tokens: list[str] = []
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The service has taken it."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """It was not sent. ``reason`` is counted and shown."""

    reason: str


class SmsChannel(Protocol):
    """Sends SMS (5.1)."""

    def send(self, sms: Sms) -> Sent | NotSent:
        """One request for all numbers. Called from several threads at once."""
        ...

    def close(self) -> None: ...


class MailChannel(Protocol):
    """Sends mail (5.2)."""

    def send(self, mail: Mail) -> Sent | NotSent:
        """To all recipients or to none. Called from several threads at once."""
        ...

    def close(self) -> None: ...


class PushChannel(Protocol):
    """Sends push messages (5.3)."""

    def send(self, push: Push) -> Sent | NotSent:
        """Sent where at least one token, or the topic, was taken. Called from several threads at once."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Channels:
    """Every channel."""

    sms: SmsChannel
    mail: MailChannel
    push: PushChannel

    def close(self) -> None:
        """Close what was opened."""
        for channel in (self.sms, self.mail, self.push):
            channel.close()
