"""Sunbird RC, the registry of certificates (contract collection-certificate-generator 7, 16).

Under any prefix that ends in ``/api/v1``:

* ``POST /PublicKey/search``
* ``POST /<entity>``, ``POST /<entity>/search``, ``DELETE /<entity>/<id>``
* ``GET /<entity>/<id>``: the certificate, as a picture where ``Accept`` asks for ``image/svg+xml``
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

from lern_pipeline_tests.third_party.answers import Answer, Request

PATH = re.compile(r".*/api/v1/(PublicKey|\w*Certificate)(?:/([^/]+))?")
KEY = {"osid": "1-key", "value": "-----BEGIN PUBLIC KEY-----", "algorithm": "RSA"}

#: What it does after it has made a certificate, instead of saying so.
LIES = {"drop": Answer(drop=True), "500": Answer({"params": {"status": "UNSUCCESSFUL"}}, 500), "503": Answer({}, 503)}


class CertificateRegistry:
    """Holds certificates by id, deleted ones too, with ``_status``.

    ``shape``: of search answers, ``array`` or ``data``. ``lies``: names of :data:`LIES`, taken one after the other by
    the next creations. ``delay_s``: before each answer.
    """

    name = "registry"

    def __init__(self) -> None:
        self._certificates: dict[str, dict[str, Any]] = {}
        self._shape = "array"
        self._lies: list[str] = []
        self._delay_s = 0.0
        self._made = 0

    def answer(self, request: Request) -> Answer | None:
        found = PATH.fullmatch(request.whole_path)
        if found is None:
            return None
        entity, rest = found.groups()
        if request.method == "POST" and rest == "search":
            return self._search(entity, request.body)
        if entity == "PublicKey":
            return None
        if request.method == "POST" and rest is None:
            return self._create(entity, request.body)
        if rest is None or rest not in self._certificates:
            return Answer({"params": {"status": "UNSUCCESSFUL", "errmsg": "not found"}, "result": ""}, 404)
        if request.method == "DELETE":
            self._certificates[rest]["_status"] = "DELETED"
            return self._said(entity, {})
        if request.method == "GET":
            return self._shown(self._certificates[rest], request)
        return None

    def _create(self, entity: str, body: Any) -> Answer:
        if not isinstance(body, dict) or not isinstance(body.get("recipient"), dict) or "id" not in body["recipient"]:
            return Answer({"params": {"status": "UNSUCCESSFUL", "errmsg": "schema"}, "result": ""}, 400)
        self._made += 1
        osid = f"1-{self._made:08d}-{body['recipient']['id']}"
        self._certificates[osid] = {**body, "osid": osid, "_status": "ACTIVE"}
        return LIES[self._lies.pop(0)] if self._lies else self._said(entity, {"osid": osid})

    def _search(self, entity: str, body: Any) -> Answer:
        filters = body.get("filters", {}) if isinstance(body, dict) else {}
        there: list[dict[str, Any]] = [KEY] if entity == "PublicKey" else list(self._certificates.values())
        hits = [one for one in there if one.get("_status") != "DELETED" and _fits(one, filters)]
        if self._shape == "data":
            return Answer({"totalCount": len(hits), "data": hits}, delay_s=self._delay_s)
        return Answer(hits, delay_s=self._delay_s)

    def _said(self, entity: str, result: dict[str, Any]) -> Answer:
        body = {"params": {"status": "SUCCESSFUL"}, "responseCode": "OK", "result": {entity: result}}
        return Answer(body, delay_s=self._delay_s)

    @staticmethod
    def _shown(certificate: dict[str, Any], request: Request) -> Answer:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if "image/svg+xml" not in headers.get("accept", ""):
            return Answer(certificate)
        return Answer(picture(certificate), headers={"Content-Type": "image/svg+xml"})

    def state(self) -> dict[str, Any]:
        """Everything it holds."""
        return {"certificates": self._certificates, "shape": self._shape, "lies": self._lies, "delay_s": self._delay_s}

    def add(self, state: dict[str, Any]) -> None:
        self._certificates |= state.get("certificates", {})
        self._shape = state.get("shape", self._shape)
        self._lies += state.get("lies", [])
        self._delay_s = state.get("delay_s", self._delay_s)


def _fits(one: dict[str, Any], filters: dict[str, Any]) -> bool:
    for name, wanted in filters.items():
        value: Any = one
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(wanted, dict) and "eq" in wanted:
            if value != wanted["eq"]:
                return False
        elif not isinstance(wanted, dict) or not isinstance(value, dict) or not _fits(value, wanted):
            return False
    return True


def picture(certificate: dict[str, Any]) -> str:
    """The certificate as SVG."""
    signatory = (certificate.get("signatory") or [{}])[0]
    lines = [
        (120, 40, str(certificate.get("certificateLabel", ""))),
        (200, 26, str(certificate.get("recipient", {}).get("name", ""))),
        (250, 16, "has completed"),
        (295, 22, str(certificate.get("training", {}).get("name", ""))),
        (370, 14, f"{signatory.get('name', '')}, {signatory.get('designation', '')}"),
        (395, 14, str(certificate.get("issuer", {}).get("name", ""))),
        (430, 10, str(certificate.get("osid", ""))),
    ]
    texts = "".join(
        f'<text x="360" y="{y}" font-size="{size}" text-anchor="middle" font-family="serif">{escape(text)}</text>'
        for y, size, text in lines
    )
    frame = '<rect x="12" y="12" width="696" height="436" fill="#fffdf5" stroke="#8a6d1d" stroke-width="6"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="460">{frame}{texts}</svg>'
