"""A real SMTP server that keeps the mails it takes, and refuses what it is told to."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from lern_pipeline.local.addresses import free_port

OK = "250 OK"


@dataclass
class Refusal:
    """What to answer instead of 250: ``at`` ``rcpt`` of the address, or ``data`` of a mail to it; ``times`` None: for
    ever."""

    at: str
    address: str
    answer: str
    times: int | None = None

    def fits(self, at: str, addresses: Iterable[str]) -> bool:
        return self.at == at and self.times != 0 and self.address in addresses

    def take(self) -> str:
        if self.times is not None:
            self.times -= 1
        return self.answer


@dataclass(frozen=True)
class TakenMail:
    """A mail as it came: the envelope, the connection, the message."""

    sender: str
    recipients: list[str]
    tls: bool
    user: str | None
    content: bytes

    @property
    def message(self) -> Any:
        return message_from_bytes(self.content, policy=policy.default)

    def as_recorded(self) -> dict[str, Any]:
        """As the recorded scenarios have it; see golden/README.md."""
        message = self.message
        return {
            "from": self.sender,
            "to": self.recipients,
            "tls": self.tls,
            "user": self.user,
            "headers": {name: str(value) for name, value in message.items()},
            "parts": [
                {"type": _plain_type(part), "text": part.get_payload(decode=True).decode()}
                for part in message.walk()
                if not part.is_multipart()
            ],
        }


def _plain_type(part: Any) -> str:
    charset = part.get_content_charset()
    return part.get_content_type() + (f"; charset={charset}" if charset else "")


class MailServer:
    """A server on a free local port, from `with` to its end.

    ``refused``: the addresses for whose sake something was refused, in order.

    Args:
        accounts: user → password; whoever logs in otherwise is refused.
        offers: of ``AUTH`` and ``STARTTLS``. The latter needs ``tls``.
        requires: of the same; mails without are refused.
        tls: the server's certificate; ``implicit_tls``: from the first byte on.
        delay_s: seconds before a mail is taken.
        down: nobody listens at its port.
    """

    def __init__(
        self,
        accounts: Mapping[str, str] | None = None,
        offers: Iterable[str] = (),
        requires: Iterable[str] = (),
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        delay_s: float = 0,
        down: bool = False,
    ) -> None:
        self.refusals: list[Refusal] = []
        self.refused: list[str] = []
        self.commands: list[str] = []
        self._accounts = dict(accounts or {})
        self._offers, self._requires = set(offers), set(requires)
        self._delay_s = delay_s
        self._mails: list[TakenMail] = []
        self._lock = threading.Lock()
        self._down = down
        starttls = tls if "STARTTLS" in self._offers | self._requires else None
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            ssl_context=tls if implicit_tls else None,
            server_hostname="mail.lern.test",
            authenticator=self._authenticate,
            auth_require_tls=False,
            auth_required="AUTH" in self._requires,
            tls_context=starttls,
            require_starttls="STARTTLS" in self._requires,
        )

    def __enter__(self) -> MailServer:
        if not self._down:
            self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._down:
            self._controller.stop()

    @property
    def host(self) -> str:
        return str(self._controller.hostname)

    @property
    def port(self) -> int:
        return int(self._controller.port)

    @property
    def mails(self) -> list[TakenMail]:
        """The mails taken so far."""
        with self._lock:
            return list(self._mails)

    def mails_of(self, tag: str) -> list[TakenMail]:
        """Those that name a text in the envelope or in their body."""
        return [mail for mail in self.mails if any(tag in to for to in mail.recipients) or tag in str(mail.message)]

    # --- what aiosmtpd calls

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.commands.append("EHLO")
        return [line for line in responses if "AUTH" in self._offers or not line[4:].startswith("AUTH")]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append("MAIL")
        envelope.mail_from = address
        return OK

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append("RCPT")
        refused = self._refused("rcpt", [address])
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or OK

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.commands.append("DATA")
        refused = self._refused("data", envelope.rcpt_tos)
        if refused is not None:
            return refused
        await asyncio.sleep(self._delay_s)
        assert isinstance(envelope.content, bytes)
        user = session.auth_data.login.decode() if session.authenticated else None
        mail = TakenMail(
            str(envelope.mail_from),
            list(envelope.rcpt_tos),
            session.ssl is not None,
            user,
            envelope.content,
        )
        with self._lock:
            self._mails.append(mail)
        return OK

    def _refused(self, at: str, addresses: Iterable[str]) -> str | None:
        with self._lock:
            refusal = next((one for one in self.refusals if one.fits(at, list(addresses))), None)
            if refusal is None:
                return None
            self.refused.append(refusal.address)
            return refusal.take()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        known = isinstance(data, LoginPassword) and self._accounts.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=known, auth_data=data if known else None, handled=False)
