"""The cert-registry service (contract collection-certificate-generator 13 step 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from lern_pipeline.resources.failed_calls import expect_status, failed_calls
from lern_pipeline.resources.http_service import HttpService
from lern_pipeline.settings import JobSettings


class CertRegistryService:
    """``POST <service.certreg.basePath>/certs/v2/registry/add``. See
    :class:`lern_pipeline.microbatch.certificate_services.OldRegistry`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._service = HttpService("certificate registry", settings, "service.certreg.basePath", counts=counts)

    def close(self) -> None:
        self._service.close()

    def add(self, request: Mapping[str, Any]) -> None:
        """See the protocol."""
        with failed_calls():
            answer = self._service.post("/certs/v2/registry/add", {"request": request})
        expect_status(answer, with_body=True)
