"""SMS by MSG91's bulk API (contract notification-job 5.1, D9)."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote_plus

import msgspec

from lern_pipeline.microbatch.channels import NotSent, Sent, Sms
from lern_pipeline.resources.one_attempt import OneAttempt
from lern_pipeline.settings import JobSettings


class Msg91:
    """See :class:`lern_pipeline.microbatch.channels.SmsChannel`."""

    def __init__(self, settings: JobSettings, counts: Counter[str]) -> None:
        self._settings = settings
        self._service = OneAttempt("MSG91", settings, counts)

    def close(self) -> None:
        self._service.close()

    def send(self, sms: Sms) -> Sent | NotSent:
        """See :meth:`lern_pipeline.microbatch.channels.SmsChannel.send`."""
        settings = self._settings
        key = settings.optional_text("sms_auth_key")
        # Without a key the call would be refused, at a public host.
        if key is None:
            return NotSent("sms_auth_key is not set")
        answer = self._service.post(
            settings.text("sunbird_msg_91_baseurl") + settings.text("sunbird_msg_91_post_url"),
            msgspec.json.encode(
                {
                    "sender": settings.text("sms_default_sender"),
                    "route": settings.text("sunbird_msg_91_route"),
                    "country": settings.text("sunbird_notification_default_country_code"),
                    "sms": [{"message": form_encoded(sms.text), "to": sms.to}],
                }
            ),
            {"content-type": "application/json", "authkey": key},
        )
        if isinstance(answer, NotSent):
            return answer
        if answer.status != 200:
            return NotSent(f"MSG91 answered {answer.status}")
        kind = answer.member("type")
        if isinstance(kind, str) and kind.lower() == "error":
            return NotSent("MSG91 answered 200 with an error")
        return Sent()


def form_encoded(text: str) -> str:
    """As the existing job's form encoding: letters, digits and ``.-*_`` stay, a blank is ``+``, the rest ``%XX``."""
    return quote_plus(text, safe="*").replace("~", "%7E")
