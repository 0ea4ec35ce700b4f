"""The user read API (platform contract H5, H6, P9; contract collection-cert-pre-processor 7.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from lern_pipeline.microbatch.service_readers import NotRead, UserBlocked, UserProfile
from lern_pipeline.resources.http_answer import Answer, member
from lern_pipeline.resources.http_service import HttpService, path_segment
from lern_pipeline.settings import JobSettings

#: For a job without settings for it (contract collection-certificate-generator 8).
PATH = "/private/user/v1/read"
#: Release 8, and releases before it.
BLOCKED = ("UOS_USRRED0006", "USER_ACCOUNT_BLOCKED")


class UserService:
    """Typed client of ``GET <service.learner.basePath><user_read_api>/<user id>?<user_read_query>``."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        self._reads = HttpService("user service", settings, "service.learner.basePath", counts=counts)

    def close(self) -> None:
        self._reads.close()

    def read_users(
        self, user_ids: Iterable[str], members: Collection[str]
    ) -> dict[str, UserProfile | UserBlocked | NotRead]:
        """See :class:`lern_pipeline.microbatch.service_readers.UserReader`."""
        path = self._setting("user_read_api", PATH)
        query = self._setting("user_read_query", "")
        wanted = frozenset(members)

        def read(user_id: str) -> UserProfile | UserBlocked | NotRead:
            address = f"{path}/{path_segment(user_id)}"
            found = _read(self._reads.get(f"{address}?{query}" if query else address), wanted)
            return NotRead(self._reads.shown(address), found) if isinstance(found, str) else found

        return self._reads.for_each(user_ids, read)

    def _setting(self, name: str, default: str) -> str:
        try:
            return self._settings.optional_text(name) or ""
        except KeyError:
            return default


def _read(answer: Answer, wanted: frozenset[str]) -> UserProfile | UserBlocked | str:
    """The answer's meaning, or why it has none."""
    if answer.status == 400 and any(answer.says(code) for code in BLOCKED):
        return UserBlocked()
    if answer.status != 200:
        return f"answered {answer.status}"
    body = answer.json()
    if not isinstance(body, dict):
        return "answered 200 without a JSON object"
    profile = member(body, "result", "response")
    if profile is None:
        return UserProfile({}, is_empty=True)
    if not isinstance(profile, dict):
        return "answered 200 with a profile that is no object"
    return UserProfile({name: value for name, value in profile.items() if name in wanted}, is_empty=not profile)
