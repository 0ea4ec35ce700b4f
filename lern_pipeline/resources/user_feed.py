"""The user feed API (contract collection-certificate-generator 11.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from lern_pipeline.resources.failed_calls import expect_status, failed_calls
from lern_pipeline.resources.http_service import HttpService
from lern_pipeline.settings import JobSettings


class UserFeedApi:
    """``POST <service.learner.basePath>/private/user/feed/v1/create``. See
    :class:`lern_pipeline.microbatch.certificate_services.UserFeed`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._service = HttpService("user feed", settings, "service.learner.basePath", counts=counts)

    def close(self) -> None:
        self._service.close()

    def create(self, request: Mapping[str, Any]) -> None:
        """See the protocol."""
        with failed_calls(refusals=True):
            answer = self._service.post("/private/user/feed/v1/create", {"request": request}, repeatable=False)
        expect_status(answer)
