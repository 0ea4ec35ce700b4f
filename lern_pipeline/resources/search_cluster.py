"""The search cluster, Elasticsearch 7 or OpenSearch, over its REST API (platform contract 9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from lern_pipeline.microbatch.effects import NotCarriedOut
from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.resources.http_service import HttpService
from lern_pipeline.settings import JobSettings

NAME = "search cluster"
ADDRESS = "es.basePath"


class SearchCluster:
    """``es.basePath`` names one or more hosts; the first that can be reached is asked."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._hosts = settings.texts(ADDRESS)
        self._services = [
            HttpService(NAME, settings, ADDRESS, counts=counts, base=f"http://{host}") for host in self._hosts
        ]

    @property
    def address(self) -> str:
        """The hosts, for errors: without credentials."""
        return ",".join(host.rpartition("@")[2] for host in self._hosts)

    def close(self) -> None:
        for service in self._services:
            service.close()

    def send(
        self, method: str, path: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """What the first host says that can be reached.

        Raises:
            NotCarriedOut: none can be.
            ServiceUnavailable, ConfigurationError: as :meth:`HttpService.send`.
        """
        trouble = NotCarriedOut(NAME, ADDRESS, f"{ADDRESS} names no host")
        for service in self._services:
            try:
                return service.send(method, path, content, headers)
            except NotCarriedOut as error:
                trouble = error
        raise trouble
