"""The cert-registry and encryption services: ``POST /certs/v2/registry/add`` and ``POST /sign/<key id>`` under any
prefix (contract collection-certificate-generator 13)."""

from __future__ import annotations

import re
from typing import Any

from lern_pipeline_tests.third_party.answers import Answer, Request

SIGN = re.compile(r".*/sign/([^/]+)")


class OldCertificateRegistry:
    """Holds registered certificates by id."""

    name = "old certificate registry"

    def __init__(self) -> None:
        self._certificates: dict[str, Any] = {}

    def answer(self, request: Request) -> Answer | None:
        if request.method != "POST":
            return None
        signed = SIGN.fullmatch(request.whole_path)
        if signed is not None:
            return Answer({"signatureValue": f"signed-{signed[1]}", "keyId": 1})
        if not request.whole_path.endswith("/certs/v2/registry/add"):
            return None
        asked = request.body.get("request") if isinstance(request.body, dict) else None
        if not isinstance(asked, dict) or not asked.get("id"):
            return Answer({"responseCode": "CLIENT_ERROR"}, 400)
        self._certificates[asked["id"]] = asked
        return Answer({"responseCode": "OK", "result": {"id": asked["id"]}})

    def state(self) -> dict[str, Any]:
        """Id → what was registered."""
        return self._certificates

    def add(self, state: dict[str, Any]) -> None:
        self._certificates |= state
