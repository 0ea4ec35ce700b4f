"""Mail by SMTP (contract notification-job 5.2, D15, D17, D18)."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Sequence
from email import policy
from email.message import EmailMessage
from email.utils import formatdate

from lern_pipeline.microbatch.channels import Mail, NotSent, Sent
from lern_pipeline.resources.mail_address import envelope_address
from lern_pipeline.settings import JobSettings

PORT, SSL_PORT = 25, 465
_ACCEPTED = (250, 251)


class _Refused(Exception):
    """The server does not take the mail; ``reason`` holds its code, not its text, which quotes addresses."""

    def __init__(self, step: str, code: int) -> None:
        self.reason = f"the mail server refused {step} with {code}"
        super().__init__(self.reason)


class Smtp:
    """See :class:`lern_pipeline.microbatch.channels.MailChannel`. One connection per mail, as the existing job."""

    def __init__(self, settings: JobSettings, counts: Counter[str]) -> None:
        self._settings = settings
        self._counts = counts
        self._lock = threading.Lock()
        self._own_name: str | None = None

    def close(self) -> None:
        """No connection outlives its mail."""

    def send(self, mail: Mail) -> Sent | NotSent:
        """See :meth:`lern_pipeline.microbatch.channels.MailChannel.send`."""
        host = self._settings.optional_text("mail_server_host")
        if host is None:
            return NotSent("mail_server_host is not set")
        sender = envelope_address(self._settings.text("mail_server_from_email"))
        if sender is None:
            return NotSent("mail_server_from_email is no address")
        recipients = [envelope_address(one) for one in mail.to]
        addresses = [address for address in recipients if address is not None]
        if len(addresses) < len(mail.to):
            return NotSent("a recipient is no address")
        with self._lock:
            self._counts["mail.attempts"] += 1
        try:
            message = self._message(mail, sender)
            self._transfer(host, sender, addresses, message)
        except _Refused as refused:
            return NotSent(refused.reason)
        except smtplib.SMTPResponseException as error:
            return NotSent(f"the mail server answered {error.smtp_code} ({type(error).__name__})")
        # Any error means that it was not sent; its text may quote addresses.
        except Exception as error:
            return NotSent(f"the mail server cannot be used: {type(error).__name__}")
        return Sent()

    def _message(self, mail: Mail, sender: str) -> bytes:
        message = EmailMessage(policy=policy.SMTP)
        message["Date"] = formatdate()
        message["From"] = self._settings.text("mail_server_from_email")
        # Several recipients do not see one another: they stand in the envelope alone.
        if len(mail.to) == 1:
            message["To"] = mail.to[0]
        if mail.subject is not None:
            # A header is one line.
            message["Subject"] = " ".join(mail.subject.splitlines())
        message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
        # Encoded by hand: every byte of the text arrives as it is, line ends too.
        message.set_content(mail.html.encode(), "text", "html", cte="base64", params={"charset": "utf-8"})
        return message.as_bytes()

    def _transfer(self, host: str, sender: str, recipients: Sequence[str], message: bytes) -> None:
        server = self._connected(host)
        try:
            username = self._settings.optional_text("mail_server_username")
            server.ehlo_or_helo_if_needed()
            if username is not None and server.has_extn("auth"):
                server.login(username, self._settings.optional_text("mail_server_password") or "")
            _accepted("the sender", server.mail(sender))
            for recipient in recipients:
                _accepted("a recipient", server.rcpt(recipient))
            _accepted("the message", server.data(message))
        except _Refused:
            _leave(server)
            raise
        except BaseException:
            server.close()
            raise
        # The mail is accepted; what happens to the connection does not matter any more.
        _leave(server)

    def _connected(self, host: str) -> smtplib.SMTP:
        secured = self._settings.text("mail_server_tls")
        port = self._settings.optional_integer("mail_server_port") or (SSL_PORT if secured == "ssl" else PORT)
        timeout = self._settings.number("mail_server_timeout_seconds")
        if secured == "ssl":
            return smtplib.SMTP_SSL(
                host, port, self._local_name(), timeout=timeout, context=ssl.create_default_context()
            )
        server = smtplib.SMTP(host, port, self._local_name(), timeout=timeout)
        if secured == "starttls":
            try:
                server.starttls(context=ssl.create_default_context())
            except BaseException:
                server.close()
                raise
        return server

    def _local_name(self) -> str:
        """Name of this host for EHLO. Looked up once: a look-up may take seconds."""
        with self._lock:
            if self._own_name is None:
                name = socket.getfqdn()
                self._own_name = name if "." in name else "localhost.localdomain"
            return self._own_name


def _accepted(step: str, answer: tuple[int, bytes]) -> None:
    code, _ = answer
    if code not in _ACCEPTED:
        raise _Refused(step, code)


def _leave(server: smtplib.SMTP) -> None:
    """QUIT, which also takes back a mail that was begun."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()
