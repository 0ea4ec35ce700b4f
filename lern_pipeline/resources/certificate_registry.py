"""Sunbird RC: public keys, certificates (contract collection-certificate-generator 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.resources.failed_calls import expect_status, failed_calls
from lern_pipeline.resources.http_answer import Answer, member
from lern_pipeline.resources.http_service import HttpService, path_segment
from lern_pipeline.settings import JobSettings

#: Answers with no ``osid`` too: RC has taken the request and goes on by itself.
CREATED = (200, 201)


class SunbirdRc:
    """Typed client of ``service.rc.basePath``. See
    :class:`lern_pipeline.microbatch.certificate_services.CertificateRegistry`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        self._rc = HttpService("Sunbird RC", settings, "service.rc.basePath", "service.rc.rcApiKey", counts=counts)

    def close(self) -> None:
        self._rc.close()

    def public_keys(self) -> list[Mapping[str, Any]]:
        """See the protocol."""
        with failed_calls():
            answer = self._rc.post("/PublicKey/search", {"filters": {}})
        return _entries(answer)

    def create(self, certificate: Mapping[str, Any]) -> str | None:
        """See the protocol."""
        with failed_calls():
            answer = self._rc.post(f"/{self._entity}", certificate, self._authorization, repeatable=False)
        expect_status(answer, CREATED)
        osid = answer.member("result", self._settings.text("service.rc.entity"), "osid")
        return osid if isinstance(osid, str) and osid.strip() else None

    def certificates(self, search: Mapping[str, Any], authorized: bool) -> list[Mapping[str, Any]]:
        """See the protocol."""
        headers = self._authorization if authorized else None
        with failed_calls():
            answer = self._rc.post(f"/{self._entity}/search", search, headers)
        return [] if answer.status == 404 else _entries(answer)

    def delete(self, certificate_id: str) -> None:
        """See the protocol."""
        with failed_calls(refusals=True):
            answer = self._rc.send("DELETE", f"/{self._entity}/{path_segment(certificate_id)}")
        expect_status(answer)

    @property
    def _entity(self) -> str:
        return path_segment(self._settings.text("service.rc.entity"))

    @property
    def _authorization(self) -> dict[str, str]:
        key = self._settings.optional_text("service.rc.rcApiKey")
        return {} if key is None else {"Authorization": key}


def _entries(answer: Answer) -> list[Mapping[str, Any]]:
    """The objects found: an array, or, of newer releases, an object with ``data`` (D9).

    Raises:
        CallFailed: another status than 200, or an answer that says it is an error.
    """
    expect_status(answer)
    body = answer.json()
    entries = body.get("data") if isinstance(body, dict) else body
    if not isinstance(entries, list):
        message = member(body, "params", "errmsg")
        raise CallFailed(answer.status, message if isinstance(message, str) else "no list of what was found")
    return [entry for entry in entries if isinstance(entry, dict)]
