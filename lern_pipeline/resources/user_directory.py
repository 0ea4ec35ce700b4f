"""The private user read and the framework read (contract user-cache-updater 3, decisions 5).

A service that cannot be reached is an outage. One that is there and whose answer for one user cannot be used, after the
retries, costs that user's events alone (contract 6).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.effects import NotCarriedOut
from lern_pipeline.microbatch.user_directory import AccountBlocked, NoAnswer, ProfileRead
from lern_pipeline.resources.http_answer import member
from lern_pipeline.resources.http_service import HttpService, path_segment
from lern_pipeline.settings import JobSettings

T = TypeVar("T")

BLOCKED = "UOS_USRRED0006"
"""``params.err`` of an account that is blocked or deleted."""

COMPLETE_ADDRESS = "user-read.api.url"


class HttpUserDirectory:
    """See :class:`lern_pipeline.microbatch.user_directory.UserDirectory`."""

    def __init__(
        self,
        settings: JobSettings,
        counts: Counter[str] | None = None,
        framework_headers: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._framework_headers = dict(framework_headers or {})
        self._counts: Counter[str] = Counter() if counts is None else counts
        self._users: HttpService | None = None
        self._frameworks: HttpService | None = None

    def close(self) -> None:
        """See :class:`lern_pipeline.microbatch.user_directory.UserDirectory`."""
        for service in (self._users, self._frameworks):
            if service is not None:
                service.close()

    def read_profiles(self, user_ids: Iterable[str]) -> dict[str, ProfileRead | AccountBlocked | NoAnswer]:
        """See :class:`lern_pipeline.microbatch.user_directory.UserDirectory`."""
        service, path = self._user_read()
        query = f"?fields={quote(self._settings.text('user.read.url.fields'), safe=',')}"
        blocked_codes = {code.upper() for code in self._settings.texts("user.read.api.error")}

        def read(body: dict[str, Any]) -> ProfileRead | AccountBlocked | NoAnswer:
            code = str(body["responseCode"])
            result = member(body, "result", "response")
            if code.upper() == "OK" and isinstance(result, dict):
                return ProfileRead(_without_nulls(result))
            error = member(body, "params", "err")
            if code.upper() in blocked_codes and isinstance(error, str) and error.upper() == BLOCKED:
                return AccountBlocked()
            return NoAnswer(f"user-read: {_known(code)}")

        return self._for_each(service, user_ids, lambda user: f"{path}{path_segment(user)}{query}", read, "user-read")

    def framework_categories(self, framework_ids: Iterable[str]) -> dict[str, tuple[str, ...] | NoAnswer]:
        """See :class:`lern_pipeline.microbatch.user_directory.UserDirectory`."""
        if self._frameworks is None:
            self._frameworks = HttpService(
                "framework service", self._settings, "service.taxonomy.basePath", counts=self._counts
            )
        path = self._settings.text("framework_read_api")

        def read(body: dict[str, Any]) -> tuple[str, ...] | NoAnswer:
            framework = member(body, "result", "framework")
            if str(body["responseCode"]).upper() != "OK" or not isinstance(framework, dict):
                return ()
            categories = framework.get("categories")
            if not isinstance(categories, list):
                return NoAnswer("framework-read: no categories")
            codes = [member(category, "code") for category in categories]
            return tuple(code for code in codes if isinstance(code, str))

        return self._for_each(
            self._frameworks,
            framework_ids,
            lambda id_: f"{path}{path_segment(id_)}",
            read,
            "framework-read",
            self._framework_headers,
        )

    def _user_read(self) -> tuple[HttpService, str]:
        """The service and the path before the user's id; the older setting holds both where it is an address."""
        complete = self._settings.optional_text(COMPLETE_ADDRESS) or ""
        is_address = complete.startswith(("http://", "https://"))
        if self._users is None:
            address = COMPLETE_ADDRESS if is_address else "service.userorg.basePath"
            self._users = HttpService("user service", self._settings, address, counts=self._counts)
        return self._users, "" if is_address else self._settings.text("user_read_api")

    def _for_each(
        self,
        service: HttpService,
        keys: Iterable[str],
        path: Callable[[str], str],
        read: Callable[[dict[str, Any]], T],
        what: str,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, T | NoAnswer]:
        attempts = self._settings.integer("http.attempts")

        def ask(key: str) -> T | NoAnswer:
            try:
                # A body that is no answer of the service is tried again like a lost connection.
                for _ in range(attempts):
                    body = service.get(path(key), headers).json()
                    if isinstance(body, dict) and isinstance(body.get("responseCode"), str):
                        return read(body)
            except NotCarriedOut:
                raise
            except ServiceUnavailable as error:
                return NoAnswer(f"{what}: {error.reason}")
            return NoAnswer(f"{what}: not an answer of the service")

        return service.for_each(keys, ask)


def _known(code: str) -> str:
    """The code, where it can be nothing but a code."""
    return code if code.isascii() and code.replace("_", "").isalnum() and len(code) <= 60 else "unknown code"


def _without_nulls(value: Any) -> Any:
    """Members that are null go, on every level; null elements of arrays too (decisions 13)."""
    if isinstance(value, dict):
        return {name: _without_nulls(entry) for name, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_without_nulls(entry) for entry in value if entry is not None]
    return value
