"""Keycloak's admin API: the accounts of deleted users go (contract user-deletion-cleanup 5, decisions 7)."""

from __future__ import annotations

import base64
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import quote, urlencode

import msgspec

from lern_pipeline.errors import AccessRefused, ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.login_accounts import (
    PROVIDER,
    Account,
    AccountNotRead,
    AccountNotRemoved,
    AccountRemoved,
    Removal,
    removal_not_configured,
)
from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.resources.http_service import HttpService, path_segment
from lern_pipeline.resources.respite import Respite
from lern_pipeline.settings import JobSettings

BLANKED = {"email": "", "emailVerified": False, "enabled": False, "firstName": "", "lastName": ""}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EARLY_SECONDS = 30
"""A token is renewed so long before it expires."""
UNANSWERED = 3
"""Removals in a row without any answer after which the others are not tried for a while."""


class _Failed(Exception):
    """A call that did not end as it should; its text tells no secret and no one. ``silent``: there was no answer."""

    def __init__(self, reason: str, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent


class Keycloak:
    """Typed client, see :class:`lern_pipeline.microbatch.login_accounts.LoginAccounts`. Threads share it and its
    token."""

    def __init__(
        self, settings: JobSettings, counts: Counter[str] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._counts: Counter[str] = Counter() if counts is None else counts
        self._clock = clock
        self._lock = threading.Lock()
        self._service: HttpService | None = None
        self._token = ""
        self._good_until = 0.0
        self._no_token = Respite(limit=1, clock=clock)
        self._respite = Respite(UNANSWERED, clock=clock)
        self._turns: threading.BoundedSemaphore | None = None

    def close(self) -> None:
        """See the protocol."""
        with self._lock:
            if self._service is not None:
                self._service.close()

    def remove(self, user_id: str) -> Removal:
        """See the protocol. A 404 is success: of a provider that is configured, the account is gone (decisions 7)."""
        why = removal_not_configured(self._settings)
        if why is not None:
            return AccountNotRemoved(why)
        with self._turn():
            silent = self._respite.reason()
            return AccountNotRemoved(silent) if silent is not None else self._removal(self._path(user_id))

    def _removal(self, path: str) -> Removal:
        try:
            self._fresh_token("")
        except _Failed as error:
            return AccountNotRemoved(str(error))
        try:
            answer = self._ask("DELETE", path)
            self._respite.answered()
            if answer.status == 404:
                return AccountRemoved("gone")
            _expect_success(answer, "DELETE")
            return AccountRemoved("removed")
        except _Failed as not_removed:
            try:
                self._blank(path)
            except _Failed as not_blanked:
                reason = f"{not_removed}; {not_blanked}"
                if not_removed.silent and not_blanked.silent:
                    self._respite.unanswered(reason)
                return AccountNotRemoved(reason)
            return AccountRemoved("blanked")

    def read(self, user_id: str) -> Account | AccountNotRead:
        """See the protocol."""
        why = removal_not_configured(self._settings)
        if why is not None:
            return AccountNotRead(why)
        try:
            answer = self._ask("GET", self._path(user_id))
            if answer.status == 404:
                return Account(there=False)
            _expect_success(answer, "GET")
        except _Failed as error:
            return AccountNotRead(str(error))
        account = answer.json()
        told = account if isinstance(account, dict) else {}
        personal = [told.get(name) for name in ("email", "firstName", "lastName")]
        return Account(there=True, blanked=told.get("enabled") is False and not any(personal))

    def _path(self, user_id: str) -> str:
        account = quote(f"f:{self._settings.text(PROVIDER)}:{user_id}", safe=":", errors="replace")
        return f"/admin/realms/{self._realm}/users/{account}"

    def _blank(self, path: str) -> None:
        """What Keycloak says of the account goes back with mail address and names empty, and disabled."""
        answer = self._ask("GET", path)
        _expect_success(answer, "GET")
        account = answer.json()
        if not isinstance(account, dict):
            raise _Failed("GET: not an account")
        _expect_success(self._ask("PUT", path, msgspec.json.encode(account | BLANKED)), "PUT")

    def _ask(self, method: str, path: str, content: bytes | None = None) -> Answer:
        """One call with the token; a second one with a new token where the first is no longer good."""
        token = self._fresh_token("")
        try:
            return self._send(method, path, token, content)
        except AccessRefused as error:
            if error.status != 401:
                raise _Failed(f"{method}: answered {error.status}") from None
        try:
            return self._send(method, path, self._fresh_token(token), content)
        except AccessRefused as error:
            raise _Failed(f"{method}: answered {error.status}") from None

    def _send(self, method: str, path: str, token: str, content: bytes | None) -> Answer:
        try:
            return self._http().send(method, path, content, {"Authorization": f"Bearer {token}"})
        except ServiceUnavailable as error:
            raise _Failed(f"{method}: {error.reason}", silent=error.status is None) from None
        except AccessRefused:
            raise
        except ConfigurationError:
            raise _Failed(f"{method}: cannot be asked, check sunbird_sso_url") from None

    def _fresh_token(self, refused: str) -> str:
        """A token, a new one where ``refused`` is the one that is known; one thread asks for all.

        Raises:
            _Failed: there is none to be had.
        """
        with self._lock:
            if not self._token or self._token == refused or self._clock() >= self._good_until:
                self._token = ""
                none_to_be_had = self._no_token.reason()
                if none_to_be_had is not None:
                    raise _Failed(none_to_be_had)
                asked_at = self._clock()
                try:
                    self._token, lifetime = self._ask_for_token()
                except _Failed as error:
                    self._no_token.unanswered(str(error))
                    raise
                self._good_until = asked_at + lifetime - EARLY_SECONDS
            return self._token

    def _ask_for_token(self) -> tuple[str, float]:
        client = f"{self._settings.text('sunbird_sso_client_id')}:{self._settings.text('sunbird_sso_client_secret')}"
        headers = FORM | {"Authorization": f"Basic {base64.b64encode(client.encode()).decode()}"}
        body = urlencode({"grant_type": "client_credentials"}).encode()
        path = f"/realms/{self._realm}/protocol/openid-connect/token"
        try:
            answer = self._http().send("POST", path, body, headers)
        except ServiceUnavailable as error:
            raise _Failed(f"token: {error.reason}") from None
        except AccessRefused as error:
            raise _Failed(f"token: answered {error.status}, check sunbird_sso_client_secret") from None
        except ConfigurationError:
            raise _Failed("token: cannot be asked, check sunbird_sso_url") from None
        token, lifetime = answer.member("access_token"), answer.member("expires_in")
        if answer.status != 200 or not isinstance(token, str) or not token:
            raise _Failed(f"token: answered {answer.status} without one")
        return token, float(lifetime) if isinstance(lifetime, int | float) else 0.0

    @property
    def _realm(self) -> str:
        return path_segment(self._settings.text("sunbird_sso_realm"))

    def _turn(self) -> threading.BoundedSemaphore:
        """Holds so many users at a time as there may be connections."""
        with self._lock:
            if self._turns is None:
                self._turns = threading.BoundedSemaphore(self._settings.integer("sunbird_sso_pool_size"))
            return self._turns

    def _http(self) -> HttpService:
        if self._service is None:
            # Made here and not at once: other jobs have a Keycloak among their clients, and no settings for it.
            self._service = HttpService(
                "Keycloak",
                self._settings,
                "sunbird_sso_url",
                "sunbird_sso_client_secret",
                counts=self._counts,
                base=self._settings.text("sunbird_sso_url").rstrip("/"),
            )
        return self._service


def _expect_success(answer: Answer, method: str) -> None:
    if not 200 <= answer.status < 300:
        raise _Failed(f"{method}: answered {answer.status}")
