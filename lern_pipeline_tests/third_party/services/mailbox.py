"""A mailbox: mails that came by SMTP, to be read by HTTP. Its server needs a library that the other services do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lern_pipeline_tests.third_party.answers import Answer, Request

if TYPE_CHECKING:
    from lern_pipeline_tests.third_party.mail_server import MailServer


class Mailbox:
    """Holds the mails that a server has taken."""

    name = "mail"

    def __init__(self, server: MailServer) -> None:
        self._server = server

    def answer(self, request: Request) -> Answer | None:
        return None

    def state(self) -> dict[str, Any]:
        """``host`` and ``port`` of the server, ``mails`` as recorded scenarios have them."""
        mails = [mail.as_recorded() for mail in self._server.mails]
        return {"host": self._server.host, "port": self._server.port, "mails": mails}

    def add(self, state: Any) -> None:
        raise NotImplementedError("mails come by SMTP")
