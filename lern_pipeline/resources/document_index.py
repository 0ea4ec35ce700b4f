"""Documents of certificates in the search cluster (platform contract 9)."""

from __future__ import annotations

from collections import Counter

from lern_pipeline.resources.failed_calls import expect_status, failed_calls
from lern_pipeline.resources.http_service import path_segment
from lern_pipeline.resources.search_cluster import SearchCluster
from lern_pipeline.settings import JobSettings


class SearchClusterDocuments:
    """See :class:`lern_pipeline.microbatch.certificate_services.DocumentIndex`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._cluster = SearchCluster(settings, counts)

    def close(self) -> None:
        self._cluster.close()

    def delete(self, index: str, document_id: str) -> None:
        """See the protocol."""
        with failed_calls(refusals=True):
            answer = self._cluster.send("DELETE", f"/{path_segment(index)}/_doc/{path_segment(document_id)}?timeout=1m")
        expect_status(answer, (200, 404))
