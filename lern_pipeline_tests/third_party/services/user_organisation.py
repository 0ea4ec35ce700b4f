"""The user and organisation service, with its notification and feed APIs (platform contract H5 to H8).

Under any prefix:

* ``GET …/user/v1/read/<id>``
* ``POST …/v2/notification``: an e-mail, or an SMS with ``mode`` ``sms``
* ``POST …/private/user/feed/v1/create``
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from lern_pipeline_tests.third_party.answers import Answer, Request

READ = re.compile(r".*/user/v1/read/([^/]+)")
OK = {"responseCode": "OK", "params": {"err": None, "status": "success"}}


class UserOrganisation:
    """Holds users by id, the notifications that it was asked to send, and the feed entries."""

    name = "users"

    def __init__(self) -> None:
        self._users: dict[str, dict[str, Any]] = {}
        self._notifications: list[dict[str, Any]] = []
        self._feed: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Answer | None:
        found = READ.fullmatch(request.whole_path)
        if request.method == "GET" and found is not None:
            return self._read(unquote(found[1]))
        if request.method != "POST" or not isinstance(request.body, dict):
            return None
        asked = request.body.get("request")
        if request.whole_path.endswith("/v2/notification"):
            return self._taken(self._notifications, asked, ("subject", "body", "recipientUserIds"))
        if request.whole_path.endswith("/private/user/feed/v1/create"):
            return self._taken(self._feed, asked, ("userId", "category", "data"))
        return None

    def _read(self, user_id: str) -> Answer:
        user = self._users.get(user_id)
        if user is None:
            error = {"responseCode": "RESOURCE_NOT_FOUND", "params": {"err": "UOS_USRRED0001"}, "result": {}}
            return Answer(error, 404)
        if user.get("blocked"):
            error = {"responseCode": "CLIENT_ERROR", "params": {"err": "UOS_USRRED0006"}, "result": {}}
            return Answer(error, 400)
        return Answer(OK | {"result": {"response": {"userId": user_id, **user}}})

    @staticmethod
    def _taken(kept: list[dict[str, Any]], asked: Any, mandatory: tuple[str, ...]) -> Answer:
        if not isinstance(asked, dict) or not all(asked.get(name) for name in mandatory):
            return Answer({"responseCode": "CLIENT_ERROR", "params": {"err": "MANDATORY_PARAMETER_MISSING"}}, 400)
        kept.append(asked)
        return Answer(OK | {"result": {"response": "SUCCESS"}})

    def state(self) -> dict[str, Any]:
        """Everything it holds."""
        return {"users": self._users, "notifications": self._notifications, "feed": self._feed}

    def add(self, state: dict[str, Any]) -> None:
        self._users |= state.get("users", {})
        self._notifications += state.get("notifications", [])
        self._feed += state.get("feed", [])
