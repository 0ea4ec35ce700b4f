"""Push messages by Firebase Cloud Messaging: HTTP v1, or the legacy protocol for parity (contract
notification-job 5.3, D1, D2, D3, D8)."""

from __future__ import annotations

import threading
from collections import Counter
from urllib.parse import quote

import msgspec

from lern_pipeline.events.lenient_json import compact_json, parse_lenient
from lern_pipeline.microbatch.channels import NotSent, Push, Sent
from lern_pipeline.resources.google_token import AccessTokens, UnusableAccount
from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.resources.one_attempt import OneAttempt
from lern_pipeline.settings import JobSettings

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


class Fcm:
    """See :class:`lern_pipeline.microbatch.channels.PushChannel`: v1 where a service account is set, else legacy."""

    def __init__(self, settings: JobSettings, counts: Counter[str]) -> None:
        self._settings = settings
        self._service = OneAttempt("FCM", settings, counts)
        self._token_service = OneAttempt("the token service", settings, counts)
        self._lock = threading.Lock()
        self._transport: LegacyTransport | V1Transport | None = None

    def close(self) -> None:
        self._service.close()
        self._token_service.close()

    def send(self, push: Push) -> Sent | NotSent:
        """See :meth:`lern_pipeline.microbatch.channels.PushChannel.send`."""
        return self._chosen().send(push)

    def _chosen(self) -> LegacyTransport | V1Transport:
        # On first use: other jobs have no such settings. One for all threads, since it keeps the access token.
        with self._lock:
            if self._transport is None:
                account = self._settings.optional_text("fcm_service_account_json")
                self._transport = (
                    LegacyTransport(self._settings, self._service)
                    if account is None
                    else V1Transport(self._settings, self._service, account, self._token_service)
                )
            return self._transport


class LegacyTransport:
    """The protocol of the existing job, one request for all tokens."""

    def __init__(self, settings: JobSettings, service: OneAttempt) -> None:
        self._settings = settings
        self._service = service

    def send(self, push: Push) -> Sent | NotSent:
        """See :meth:`lern_pipeline.microbatch.channels.PushChannel.send`."""
        key = self._settings.optional_text("fcm_account_key")
        if key is None or not key.strip():
            return NotSent("neither fcm_account_key nor fcm_service_account_json is set")
        body: dict[str, object] = {"data": msgspec.Raw(push.data.encode()), "dry_run": False}
        body |= {"registration_ids": push.tokens} if push.tokens else {"to": f"/topics/{push.topic}"}
        answer = self._service.post(
            self._settings.text("sunbird_fcm_url"),
            msgspec.json.encode(body),
            {"Authorization": key, "Content-Type": "application/json"},
        )
        if isinstance(answer, NotSent):
            return answer
        if answer.status != 200:
            return NotSent(f"FCM answered {answer.status}")
        count = answer.member("success")
        if answer.member("message_id") is not None or (isinstance(count, int | float) and count >= 1):
            return Sent()
        return NotSent("FCM took it for no device")


class V1Transport:
    """HTTP v1: one request per token, with an access token of the service account."""

    def __init__(self, settings: JobSettings, service: OneAttempt, account: str, token_service: OneAttempt) -> None:
        self._settings = settings
        self._service = service
        self._tokens: AccessTokens | None = None
        self._why_not = ""
        try:
            self._tokens = AccessTokens(account, settings.optional_text("fcm_v1_token_uri"), SCOPE, token_service)
        except UnusableAccount as error:
            self._why_not = f"fcm_service_account_json cannot be used: {error}"

    def send(self, push: Push) -> Sent | NotSent:
        """See :meth:`lern_pipeline.microbatch.channels.PushChannel.send`."""
        if self._tokens is None:
            return NotSent(self._why_not)
        project = self._settings.optional_text("fcm_project_id") or self._tokens.project
        if project is None:
            return NotSent("fcm_project_id is not set")
        base = self._settings.text("fcm_v1_base_url").rstrip("/")
        url = f"{base}/v1/projects/{quote(project, safe='')}/messages:send"
        data = text_values(push.data)
        targets = [{"token": token} for token in push.tokens] or [{"topic": push.topic}]
        messages = [{"validate_only": False, "message": target | {"data": data}} for target in targets]
        answers = [self._send(self._tokens, url, msgspec.json.encode(message)) for message in messages]
        return next((answer for answer in answers if isinstance(answer, Sent)), answers[0])

    def _send(self, tokens: AccessTokens, url: str, body: bytes) -> Sent | NotSent:
        token = tokens.token()
        if isinstance(token, NotSent):
            return token
        answer = self._post(url, body, token)
        if isinstance(answer, Answer) and answer.status == 401:
            # Taken back before its time: one other.
            token = tokens.token(refused=token)
            if isinstance(token, NotSent):
                return token
            answer = self._post(url, body, token)
        if isinstance(answer, NotSent):
            return answer
        if answer.status != 200:
            return NotSent(_refusal(answer))
        if not isinstance(answer.member("name"), str):
            return NotSent("FCM answered 200 without a name")
        return Sent()

    def _post(self, url: str, body: bytes, token: str) -> Answer | NotSent:
        return self._service.post(url, body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})


def _refusal(answer: Answer) -> str:
    match answer.status:
        case 401 | 403:
            return f"FCM answered {answer.status}: check fcm_service_account_json and fcm_project_id"
        case 404:
            return "FCM answered 404: the device is not registered"
    return f"FCM answered {answer.status}"


def text_values(data: str) -> dict[str, str]:
    """The members of a JSON object as v1 wants them: texts as they are, the rest as JSON text, nulls left out."""
    members = parse_lenient(data)
    assert isinstance(members, dict)
    return {
        name: value if isinstance(value, str) else compact_json(value)
        for name, value in members.items()
        if value is not None
    }
