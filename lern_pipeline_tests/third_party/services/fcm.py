"""Firebase Cloud Messaging and Google's token endpoint (contract notification-job 5.3).

* ``POST <any prefix>/v1/projects/<project>/messages:send`` with an access token that was handed out
* ``POST <any prefix>/fcm/send``, the legacy protocol
* ``POST <any prefix>/token``, the JWT-bearer grant; the signature is not looked at
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

from lern_pipeline_tests.third_party.answers import Answer, Request

SEND = re.compile(r".*/v1/projects/([^/]+)/messages:send")
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Fcm:
    """Holds the messages it was given, the access tokens that are good, and the devices that are gone."""

    name = "fcm"

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._access_tokens: list[str] = []
        self._unregistered: set[str] = set()

    def answer(self, request: Request) -> Answer | None:
        if request.method != "POST":
            return None
        if SEND.fullmatch(request.whole_path):
            return self._send(request)
        if request.whole_path.endswith("/fcm/send"):
            return self._legacy(request)
        return self._token(request) if request.whole_path.endswith("/token") else None

    def _send(self, request: Request) -> Answer:
        given = {name.lower(): value for name, value in request.headers.items()}.get("authorization", "")
        if given.removeprefix("Bearer ") not in self._access_tokens:
            return Answer({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, 401)
        message = request.body["message"]
        if not all(isinstance(value, str) for value in message.get("data", {}).values()):
            return Answer({"error": {"code": 400, "status": "INVALID_ARGUMENT"}}, 400)
        if message.get("token") in self._unregistered:
            return Answer(
                {"error": {"code": 404, "status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}}, 404
            )
        self._messages.append(message)
        return Answer({"name": f"projects/p/messages/{len(self._messages)}"})

    def _legacy(self, request: Request) -> Answer:
        if "to" in request.body:
            self._messages.append(request.body)
            return Answer({"message_id": 7253391319867149192})
        results = [
            {"error": "NotRegistered"} if token in self._unregistered else {"message_id": f"0:{number}"}
            for number, token in enumerate(request.body["registration_ids"])
        ]
        failure = sum("error" in result for result in results)
        self._messages.append(request.body)
        counts = {"success": len(results) - failure, "failure": failure, "canonical_ids": 0}
        return Answer({"multicast_id": 1, **counts, "results": results})

    def _token(self, request: Request) -> Answer:
        form = parse_qs(str(request.body))
        if form.get("grant_type") != [GRANT] or form.get("assertion", [""])[0].count(".") != 2:
            return Answer({"error": "invalid_grant"}, 400)
        self._access_tokens.append(f"access-{len(self._access_tokens) + 1}")
        return Answer({"access_token": self._access_tokens[-1], "expires_in": 3599, "token_type": "Bearer"})

    def state(self) -> dict[str, Any]:
        """``messages``, ``access_tokens``, ``unregistered``."""
        return {
            "messages": self._messages,
            "access_tokens": self._access_tokens,
            "unregistered": sorted(self._unregistered),
        }

    def add(self, state: dict[str, Any]) -> None:
        self._messages += state.get("messages", [])
        self._access_tokens += state.get("access_tokens", [])
        self._unregistered |= set(state.get("unregistered", []))
