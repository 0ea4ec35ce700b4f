"""Documents of the search cluster, Elasticsearch 7 or OpenSearch, over its REST API (platform contract 9)."""

from __future__ import annotations

from collections import Counter

from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.resources.failed_calls import expect_status, failed_calls
from lern_pipeline.resources.http_service import HttpService, path_segment
from lern_pipeline.settings import JobSettings

ADDRESS = "es.basePath"


class SearchClusterDocuments:
    """See :class:`lern_pipeline.microbatch.certificate_services.DocumentIndex`. ``es.basePath`` names one or more
    hosts; the first that can be reached is asked."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._services = [
            HttpService("search cluster", settings, ADDRESS, counts=counts, base=f"http://{host}")
            for host in settings.texts(ADDRESS)
        ]

    def close(self) -> None:
        for service in self._services:
            service.close()

    def delete(self, index: str, document_id: str) -> None:
        """See the protocol."""
        path = f"/{path_segment(index)}/_doc/{path_segment(document_id)}?timeout=1m"
        trouble = CallFailed(None, f"{ADDRESS} names no host")
        for service in self._services:
            try:
                with failed_calls(refusals=True):
                    answer = service.send("DELETE", path)
            except CallFailed as error:
                trouble = error
                if not error.certain:
                    raise
            else:
                expect_status(answer, (200, 404))
                return
        raise trouble
