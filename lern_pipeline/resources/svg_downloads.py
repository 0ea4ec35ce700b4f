"""Templates of certificates, from whatever address an event names.

Contract collection-certificate-generator 13 step 4.
"""

from __future__ import annotations

from collections import Counter

from lern_pipeline.resources.failed_calls import expect_status, failed_calls
from lern_pipeline.resources.http_service import HttpService
from lern_pipeline.settings import JobSettings


class SvgDownloads:
    """See :class:`lern_pipeline.microbatch.certificate_services.SvgTemplates`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._http = HttpService(
            "template download", settings, "edata.svgTemplate", counts=counts, follow_redirects=True, base=""
        )

    def close(self) -> None:
        self._http.close()

    def download(self, address: str) -> str:
        """See the protocol."""
        with failed_calls(refusals=True):
            answer = self._http.get(address)
        expect_status(answer)
        return answer.content.decode(errors="replace")
