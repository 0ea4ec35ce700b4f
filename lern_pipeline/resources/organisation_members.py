"""The private user read, as far as it tells of a user's organisation (contract user-ownership-transfer 3.1, D2, D3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lern_pipeline.microbatch.batch_ownership import Member, MemberFound, MemberRefused, MemberUnclear
from lern_pipeline.resources.http_answer import Answer, member
from lern_pipeline.resources.http_service import HttpService, path_segment
from lern_pipeline.settings import JobSettings


class UserOrganisationMembers:
    """See :class:`lern_pipeline.microbatch.batch_ownership.OrganisationMembers`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        self._service = HttpService("user service", settings, "service.userorg.basePath", counts=counts)

    def close(self) -> None:
        self._service.close()

    def read_members(self, user_ids: Iterable[str]) -> dict[str, Member]:
        """See the protocol."""
        # Its default ends in a slash (D3).
        path = f"/{self._settings.text('user_read_api').strip('/')}"

        def read(user_id: str) -> Member:
            return _read(self._service.get(f"{path}/{path_segment(user_id)}?identifier,rootOrgId"))

        return self._service.for_each(user_ids, read)


def _read(answer: Answer) -> Member:
    if 400 <= answer.status < 500:
        return MemberRefused(answer.status)
    if answer.status != 200:
        return MemberUnclear(f"answered {answer.status}")
    body = answer.json()
    if not isinstance(body, dict):
        return MemberUnclear("answered 200 without a JSON object")
    return MemberFound(_text(body, "identifier"), _text(body, "rootOrgId"))


def _text(body: object, name: str) -> str:
    value = member(body, "result", "response", name)
    return value if isinstance(value, str) else ""
