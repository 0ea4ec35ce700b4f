"""The user read of users who are to be deleted (contract user-deletion-cleanup 3, decisions 5)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.account_reads import (
    AccountNotRead,
    AccountRead,
    BlockedAccount,
    NoAccount,
    ReadableAccount,
)
from lern_pipeline.microbatch.effects import NotCarriedOut
from lern_pipeline.resources.http_answer import Answer, member
from lern_pipeline.resources.http_service import HttpService, path_segment
from lern_pipeline.resources.respite import Respite
from lern_pipeline.resources.user_service import BLOCKED
from lern_pipeline.settings import JobSettings

ADDRESS = "service.userorg.basePath"
QUERY = "?identifier,rootOrgId"
"""The service knows no such parameters; kept verbatim."""

UNANSWERED = 3
"""After time-outs for so many users in a row the others' events are parked too, instead of waiting for as long."""


class HttpAccountReads:
    """See :class:`lern_pipeline.microbatch.account_reads.AccountReader`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        self._counts: Counter[str] = Counter() if counts is None else counts
        self._service: HttpService | None = None
        self._lock = threading.Lock()
        self._respite = Respite(UNANSWERED)

    def close(self) -> None:
        """See the protocol."""
        if self._service is not None:
            self._service.close()

    def read_accounts(self, user_ids: Iterable[str]) -> dict[str, AccountRead]:
        """See the protocol."""
        wanted = set(user_ids)
        if not wanted:
            return {}
        service = self._http()
        # Exactly one slash, whatever the settings end in (U14).
        path = self._settings.text("user_read_api").rstrip("/")

        def read(user_id: str) -> AccountRead:
            silent = self._respite.reason()
            if silent is not None:
                return AccountNotRead(silent)
            try:
                answer = service.get(f"{path}/{path_segment(user_id)}{QUERY}")
            except NotCarriedOut:
                raise
            except ServiceUnavailable as error:
                reason = f"user read: {error.reason}"
                if error.status is None:
                    self._respite.unanswered(reason)
                return AccountNotRead(reason)
            self._respite.answered()
            return _read(answer)

        return service.for_each(wanted, read)

    def _http(self) -> HttpService:
        with self._lock:
            if self._service is None:
                # Made here and not at once: other jobs have no such setting.
                base = self._settings.text(ADDRESS).rstrip("/")
                self._service = HttpService("user service", self._settings, ADDRESS, counts=self._counts, base=base)
            return self._service


def _read(answer: Answer) -> AccountRead:
    if answer.status == 400:
        error = answer.member("params", "err")
        return BlockedAccount(other_error=isinstance(error, str) and error not in BLOCKED)
    if answer.status == 404:
        return NoAccount()
    if answer.status != 200:
        return AccountNotRead(f"user read: answered {answer.status}")
    body = answer.json()
    if not isinstance(body, dict):
        return AccountNotRead("user read: answered 200 without a JSON object")
    profile = member(body, "result", "response")
    return ReadableAccount(_text(member(profile, "identifier")), _text(member(profile, "rootOrgId")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
