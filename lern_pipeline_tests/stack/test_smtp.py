"""Mail against a real SMTP server (contract notification-job 5.2)."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from lern_pipeline.local.addresses import free_port
from lern_pipeline.microbatch.channels import Mail, NotSent, Sent
from lern_pipeline.resources.smtp import Smtp
from lern_pipeline_tests.stack.channel_settings import channel_settings
from lern_pipeline_tests.third_party.certificates import Certificate, certificate_in
from lern_pipeline_tests.third_party.mail_server import MailServer, Refusal

pytestmark = pytest.mark.stack

HTML = "<p>Hi $name</p>"
MAIL = Mail("id-1", "Grüße", HTML, ["a@lern.test"])
FROM = "noreply@lern.test"


def to(*recipients: str, subject: str | None = "Grüße", html: str = HTML) -> Mail:
    return Mail("id-1", subject, html, list(recipients))


def client(host: str, port: int, **values: object) -> Smtp:
    given = {"mail_server_host": host, "mail_server_port": port, "mail_server_from_email": FROM}
    return Smtp(channel_settings(**(given | {"mail_server_timeout_seconds": 10} | values)), Counter())


def client_of(server: MailServer, **values: object) -> Smtp:
    return client(server.host, server.port, **values)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """Trusted by this process."""
    made = certificate_in(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    return made


def test_e3_one_recipient(server: MailServer) -> None:
    assert client_of(server).send(MAIL) == Sent()
    (mail,) = server.mails
    assert (mail.sender, mail.recipients, mail.tls, mail.user) == (FROM, ["a@lern.test"], False, None)
    message = mail.message
    assert message["From"] == FROM
    assert message["To"] == "a@lern.test"
    assert message["Subject"] == "Grüße"
    assert message["Message-ID"] == "<id-1@lern.test>"
    assert message["MIME-Version"] == "1.0"
    assert parsedate_to_datetime(message["Date"]) is not None
    assert (message.get_content_type(), message.get_content_charset()) == ("text/html", "utf-8")
    assert message.get_payload(decode=True) == HTML.encode()
    assert b"Gr\xc3" not in mail.content


def test_e3_several_recipients_do_not_see_one_another(server: MailServer) -> None:
    assert client_of(server).send(to("a@lern.test", "b@lern.test")) == Sent()
    (mail,) = server.mails
    assert mail.recipients == ["a@lern.test", "b@lern.test"]
    assert {"To", "Bcc", "Cc"}.isdisjoint(mail.message.keys())
    assert b"b@lern.test" not in mail.content
    assert server.commands == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA"]


def test_e3_one_refused_recipient_means_nobody_gets_it(server: MailServer) -> None:
    server.refusals.append(Refusal("rcpt", "b@lern.test", "550 5.1.1 b@lern.test is unknown", times=1))
    mail = to("a@lern.test", "b@lern.test")
    assert client_of(server).send(mail) == NotSent("the mail server refused a recipient with 550")
    assert server.mails == []
    assert "DATA" not in server.commands
    assert client_of(server).send(mail) == Sent()
    assert len(server.mails) == 1


def test_refused_after_data(server: MailServer) -> None:
    server.refusals.append(Refusal("data", "a@lern.test", "554 5.7.1 spam for a@lern.test"))
    assert client_of(server).send(MAIL) == NotSent("the mail server refused the message with 554")


def test_no_subject_no_header(server: MailServer) -> None:
    client_of(server).send(to("a@lern.test", subject=None))
    assert "Subject" not in server.mails[0].message


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@y.z", "a\nb", "a\r\n\r\nbody", "trailing\n"])
def test_a_subject_of_several_lines_makes_no_header(server: MailServer, subject: str) -> None:
    assert client_of(server).send(to("a@lern.test", subject=subject)) == Sent()
    (mail,) = server.mails
    assert mail.message["Subject"] == " ".join(subject.splitlines())
    assert mail.message.keys().count("Bcc") == 0
    assert mail.message.get_payload(decode=True) == HTML.encode()
    assert mail.recipients == ["a@lern.test"]


@pytest.mark.parametrize(
    "html", ["", "x" * 5000, ".\n..\n.x\r\n", "\r\n.\r\nQUIT\r\n", "വായന ₹ 😀\n" * 300, "\x00\x07", "a\rb\nc\r\nd"]
)
def test_every_byte_of_the_text_arrives(server: MailServer, html: str) -> None:
    assert client_of(server).send(to("a@lern.test", html=html)) == Sent()
    (mail,) = server.mails
    assert mail.message.get_payload(decode=True) == html.encode()
    assert max(map(len, mail.content.split(b"\r\n"))) < 998


@pytest.mark.parametrize(
    "recipient",
    [
        "", "a", "a@", "@b", "a b@lern.test", "b at lern.test", "a@lern..test", "a,b@lern.test", "a@x.y, b@x.y",
        "x:a@lern.test;", "a@lern.test\r\nRCPT TO:<b@lern.test>", "a@lern.test>", "é@lern.test", "a@é.test",
    ],
)  # fmt: skip
def test_one_recipient_that_is_no_address_means_nobody_is_asked(server: MailServer, recipient: str) -> None:
    assert client_of(server).send(to("a@lern.test", recipient)) == NotSent("a recipient is no address")
    assert server.commands == []


def test_addresses_with_names(server: MailServer) -> None:
    client = client_of(server, mail_server_from_email="Schulung Ü <noreply@lern.test>")
    assert client.send(to("Ada L <a@lern.test>")) == Sent()
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == (FROM, ["a@lern.test"])
    assert (mail.message["From"], mail.message["To"]) == ("Schulung Ü <noreply@lern.test>", "Ada L <a@lern.test>")


@pytest.mark.parametrize("sender", ["nobody", "a b@c.d", "x@y.z\r\nBcc: a@b.c"])
def test_a_sender_that_is_no_address(server: MailServer, sender: str) -> None:
    outcome = client_of(server, mail_server_from_email=sender).send(MAIL)
    assert outcome == NotSent("mail_server_from_email is no address")


def test_without_a_host_nobody_is_asked(server: MailServer) -> None:
    assert client_of(server, mail_server_host="").send(MAIL) == NotSent("mail_server_host is not set")


# --- logging in


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_where_auth_is_offered_the_user_logs_in() -> None:
    with MailServer({"user": "password"}, offers=["AUTH"], requires=["AUTH"]) as server:
        client = client_of(server, mail_server_username="user", mail_server_password="password")
        assert client.send(MAIL) == Sent()
        assert [mail.user for mail in server.mails] == ["user"]


def test_where_it_is_not_offered_it_goes_on_without(server: MailServer) -> None:
    client = client_of(server, mail_server_username="user", mail_server_password="password")
    assert client.send(MAIL) == Sent()
    assert [mail.user for mail in server.mails] == [None]


def test_without_a_user_nobody_logs_in() -> None:
    with MailServer({"user": "password"}, offers=["AUTH"]) as server:
        assert client_of(server).send(MAIL) == Sent()
        assert [mail.user for mail in server.mails] == [None]


def test_a_wrong_password_is_a_failure_and_is_not_told() -> None:
    with MailServer({"user": "another"}, offers=["AUTH"]) as server:
        client = client_of(server, mail_server_username="user", mail_server_password="S3cret")
        outcome = client.send(MAIL)
        assert outcome == NotSent("the mail server answered 535 (SMTPAuthenticationError)")
        assert server.mails == []


# --- security


def test_starttls_that_is_offered_is_not_used_by_default(certificate: Certificate) -> None:
    with MailServer(offers=["STARTTLS"], tls=certificate.server_context()) as server:
        assert client_of(server).send(MAIL) == Sent()
        assert [mail.tls for mail in server.mails] == [False]


def test_starttls_when_the_setting_says_so(certificate: Certificate) -> None:
    with MailServer(
        {"user": "password"}, offers=["STARTTLS", "AUTH"], requires=["STARTTLS"], tls=certificate.server_context()
    ) as server:
        values = {"mail_server_username": "user", "mail_server_password": "password"}
        assert client_of(server, mail_server_tls="starttls", **values).send(MAIL) == Sent()
        assert [(mail.tls, mail.user) for mail in server.mails] == [(True, "user")]


def test_starttls_that_is_not_offered_is_a_failure(server: MailServer) -> None:
    outcome = client_of(server, mail_server_tls="starttls").send(MAIL)
    assert outcome == NotSent("the mail server cannot be used: SMTPNotSupportedError")
    assert server.mails == []


def test_ssl_from_the_first_byte_on(certificate: Certificate) -> None:
    with MailServer(tls=certificate.server_context(), implicit_tls=True) as server:
        assert client_of(server, mail_server_tls="ssl").send(MAIL) == Sent()
        assert len(server.mails) == 1


@pytest.mark.parametrize("kind", ["starttls", "ssl"])
def test_a_certificate_that_nobody_trusts_is_a_failure(kind: str, tmp_path: Path) -> None:
    tls = certificate_in(tmp_path).server_context()
    with MailServer(offers=["STARTTLS"], tls=tls, implicit_tls=kind == "ssl") as server:
        outcome = client_of(server, mail_server_tls=kind).send(MAIL)
        assert outcome == NotSent("the mail server cannot be used: SSLCertVerificationError")
        assert server.mails == []


# --- faults


def test_nobody_listens() -> None:
    outcome = client("127.0.0.1", free_port()).send(MAIL)
    assert outcome == NotSent("the mail server cannot be used: ConnectionRefusedError")


def test_a_server_that_says_nothing_is_given_up() -> None:
    with scripted() as port:
        outcome = client("127.0.0.1", port, mail_server_timeout_seconds=0.2).send(MAIL)
    assert isinstance(outcome, NotSent)


GREETED = [b"220 x\r\n", b"250 x\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]


@pytest.mark.parametrize("answers", [[b"554 go away\r\n"], [b"garbage\r\n"], GREETED[:2], GREETED[:4], GREETED])
def test_a_connection_that_breaks_is_a_failure(answers: list[bytes]) -> None:
    with scripted(*answers, b"") as port:
        assert isinstance(client("127.0.0.1", port).send(MAIL), NotSent)


def test_what_happens_after_the_mail_is_taken_does_not_matter() -> None:
    with scripted(*GREETED, b"250 taken\r\n", b"") as port:
        assert client("127.0.0.1", port).send(MAIL) == Sent()


def test_helo_where_the_server_knows_no_ehlo() -> None:
    answers = [b"220 x\r\n", b"502 what\r\n", b"250 x\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 ok\r\n"]
    with scripted(*answers, b"221 bye\r\n") as port:
        assert client("127.0.0.1", port).send(MAIL) == Sent()


@contextmanager
def scripted(*answers: bytes) -> Iterator[int]:
    """A server of one connection that says these things in turn; empty closes it. After the last it is silent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                data = False
                for number, answer in enumerate(answers):
                    if number:
                        received = b""
                        while not received.endswith(b"\r\n.\r\n" if data else b"\r\n"):
                            more = connection.recv(65536)
                            if not more:
                                return
                            received += more
                    if not answer:
                        return
                    data = answer.startswith(b"354")
                    connection.sendall(answer)
                # Until the client goes.
                while connection.recv(65536):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
