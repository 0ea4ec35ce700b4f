"""MSG91's bulk SMS: ``POST <any prefix>/api/v2/sendsms`` (contract notification-job 5.1)."""

from __future__ import annotations

from typing import Any

from lern_pipeline_tests.third_party.answers import Answer, Request


class Msg91:
    """Holds the SMS it was given, as they were given."""

    name = "msg91"

    def __init__(self) -> None:
        self._sms: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Answer | None:
        if request.method != "POST" or not request.whole_path.endswith("/api/v2/sendsms"):
            return None
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not headers.get("authkey") or not isinstance(request.body, dict):
            return Answer({"message": "Authentication failure", "type": "error"}, 401)
        self._sms += request.body.get("sms", [])
        return Answer({"message": f"request-{len(self._sms)}", "type": "success"})

    def state(self) -> list[dict[str, Any]]:
        """``message`` and ``to`` of each."""
        return self._sms

    def add(self, state: list[dict[str, Any]]) -> None:
        self._sms += state
