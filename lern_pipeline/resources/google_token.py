"""Access tokens of a Google service account by the JWT-bearer grant (contract notification-job 5.3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import jwt
import msgspec

from lern_pipeline.microbatch.channels import NotSent
from lern_pipeline.resources.one_attempt import OneAttempt

TOKEN_URI = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 3600
EARLY_SECONDS = 300
"""A token is renewed so long before it expires."""


class UnusableAccount(ValueError):
    """The service account is not what Google hands out; the text quotes nothing of it."""


class AccessTokens:
    """One account's tokens, kept until shortly before they expire. Threads share them; one asks for all.

    Args:
        account: the service account's JSON.
        token_uri: in place of the account's.

    Raises:
        UnusableAccount: no JSON object, or ``client_email`` or ``private_key`` missing.
    """

    def __init__(
        self,
        account: str,
        token_uri: str | None,
        scope: str,
        service: OneAttempt,
        clock: Callable[[], float] = time.time,
    ) -> None:
        members = _members(account)
        self.project: str | None = members.get("project_id") or None
        self._email, self._private_key = members["client_email"], members["private_key"]
        self._token_uri = token_uri or members.get("token_uri") or TOKEN_URI
        self._scope = scope
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def token(self, refused: str = "") -> str | NotSent:
        """A token, a new one if ``refused`` is the one that is known."""
        with self._lock:
            if not self._token or self._token == refused or self._clock() >= self._good_until:
                self._token = ""
                asked_at = self._clock()
                found = self._ask(int(asked_at))
                if isinstance(found, NotSent):
                    return found
                self._token, lifetime = found
                self._good_until = asked_at + lifetime - EARLY_SECONDS
            return self._token

    def _ask(self, now: int) -> tuple[str, float] | NotSent:
        claims = {
            "iss": self._email,
            "scope": self._scope,
            "aud": self._token_uri,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        try:
            assertion = jwt.encode(claims, self._private_key, algorithm="RS256")
        # The texts of these errors may hold parts of the key.
        except (ValueError, TypeError, jwt.PyJWTError):
            return NotSent("fcm_service_account_json cannot be used: private_key is no RSA key")
        answer = self._service.post(
            self._token_uri,
            urlencode({"grant_type": GRANT, "assertion": assertion}).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        if isinstance(answer, NotSent):
            return answer
        token, lifetime = answer.member("access_token"), answer.member("expires_in")
        if answer.status != 200 or not isinstance(token, str) or not token:
            return NotSent(f"the token service answered {answer.status} without a token")
        return token, float(lifetime) if isinstance(lifetime, int | float) else ASSERTION_SECONDS


def _members(account: str) -> dict[str, Any]:
    try:
        members = msgspec.json.decode(account)
    except (msgspec.DecodeError, UnicodeError):
        raise UnusableAccount("no JSON") from None
    if not isinstance(members, dict):
        raise UnusableAccount("no JSON object")
    for name in ("client_email", "private_key"):
        if not isinstance(members.get(name), str) or not members[name]:
            raise UnusableAccount(f"{name} is missing")
    for name in ("project_id", "token_uri"):
        if not isinstance(members.get(name), str | None):
            raise UnusableAccount(f"{name} is not a text")
    return members
