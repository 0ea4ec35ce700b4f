"""The encryption service (contract collection-certificate-generator 13 step 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.resources.failed_calls import expect_status, failed_calls
from lern_pipeline.resources.http_service import HttpService, path_segment
from lern_pipeline.settings import JobSettings


class EncryptionService:
    """``POST <service.enc.basePath>/sign/<key id>``. See
    :class:`lern_pipeline.microbatch.certificate_services.Signing`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._service = HttpService("encryption service", settings, "service.enc.basePath", counts=counts)

    def close(self) -> None:
        self._service.close()

    def sign(self, key_id: str, entity: Mapping[str, Any]) -> str:
        """See the protocol."""
        with failed_calls():
            answer = self._service.post(f"/sign/{path_segment(key_id)}", {"entity": entity})
        expect_status(answer)
        value = answer.member("signatureValue")
        if not isinstance(value, str):
            raise CallFailed(answer.status, "the answer has no signatureValue")
        return value
