"""Keycloak's token endpoint and user administration (contract user-deletion-cleanup 5).

Under any prefix:

* ``POST …/realms/<realm>/protocol/openid-connect/token``
* ``GET``, ``PUT``, ``DELETE …/admin/realms/<realm>/users/<account id>``
"""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import unquote

from lern_pipeline_tests.third_party.answers import Answer, Request

TOKEN = re.compile(r".*/realms/([^/]+)/protocol/openid-connect/token")
USER = re.compile(r".*/admin/realms/([^/]+)/users/([^/]+)")
NO_USER = Answer({"error": "User not found"}, 404)
DIRECTORY_DOWN = Answer({"error": "unknown_error"}, 500)
NO_CONTENT = Answer("", 204)


class Keycloak:
    """Holds accounts by id, and what was done to them in ``done``.

    ``secret``: of the client; with another one there is no token. ``may_manage``: whether the client has the role
    ``manage-users``. ``keeps``: accounts that their provider refuses to remove.
    ``unreachable``: accounts whose directory does not answer. ``lifetime``: seconds that tokens say they are good for;
    ``revoked``: none that was given out so far is.
    """

    name = "keycloak"

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, Any]] = {}
        self._done: list[str] = []
        self._keeps: list[str] = []
        self._unreachable: list[str] = []
        self._secret = "secret"
        self._may_manage = True
        self._lifetime = 300
        self._tokens = 0
        self._revoked = 0

    def answer(self, request: Request) -> Answer | None:
        if request.method == "POST" and TOKEN.fullmatch(request.whole_path):
            return self._token(request)
        found = USER.fullmatch(request.whole_path)
        if found is None:
            return None
        token = _header(request, "Authorization").removeprefix("Bearer token-")
        if not token.isdecimal() or int(token) <= self._revoked:
            return Answer({"error": "HTTP 401 Unauthorized"}, 401)
        if not self._may_manage:
            return Answer({"error": "HTTP 403 Forbidden"}, 403)
        return self._account(request, unquote(found[2]))

    def _token(self, request: Request) -> Answer:
        wanted = base64.b64encode(f"lms:{self._secret}".encode()).decode()
        if _header(request, "Authorization") != f"Basic {wanted}":
            return Answer({"error": "unauthorized_client", "error_description": "Invalid client credentials"}, 401)
        if "grant_type=client_credentials" not in str(request.body):
            return Answer({"error": "unsupported_grant_type"}, 400)
        self._tokens += 1
        return Answer({"access_token": f"token-{self._tokens}", "expires_in": self._lifetime, "token_type": "Bearer"})

    def _account(self, request: Request, account: str) -> Answer | None:
        if account in self._unreachable:
            return DIRECTORY_DOWN
        if account not in self._accounts:
            return NO_USER
        if request.method == "GET":
            return Answer(self._accounts[account])
        if request.method not in ("PUT", "DELETE"):
            return None
        if request.method == "DELETE" and account in self._keeps:
            return Answer({"error": "User couldn't be deleted"}, 400)
        self._done.append(f"{request.method} {account}")
        if request.method == "DELETE":
            del self._accounts[account]
        else:
            # As the real one: an empty text is no value.
            self._accounts[account] = {name: value for name, value in dict(request.body).items() if value != ""}
        return NO_CONTENT

    def state(self) -> dict[str, Any]:
        """Everything it holds."""
        return {
            "accounts": self._accounts,
            "done": self._done,
            "keeps": self._keeps,
            "unreachable": self._unreachable,
            "secret": self._secret,
            "may_manage": self._may_manage,
            "lifetime": self._lifetime,
            "tokens": self._tokens,
            "revoked": self._revoked,
        }

    def add(self, state: dict[str, Any]) -> None:
        self._accounts |= state.get("accounts", {})
        self._keeps = state.get("keeps", self._keeps)
        self._unreachable = state.get("unreachable", self._unreachable)
        self._secret = state.get("secret", self._secret)
        self._may_manage = state.get("may_manage", self._may_manage)
        self._lifetime = state.get("lifetime", self._lifetime)
        self._revoked = state.get("revoked", self._revoked)


def _header(request: Request, name: str) -> str:
    return {key.lower(): value for key, value in request.headers.items()}.get(name.lower(), "")
