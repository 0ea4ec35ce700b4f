"""The notification API (contract collection-certificate-generator 11.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from lern_pipeline.resources.failed_calls import expect_status, failed_calls
from lern_pipeline.resources.http_service import HttpService
from lern_pipeline.settings import JobSettings


class NotificationApi:
    """``POST <service.learner.basePath>/v2/notification``. See
    :class:`lern_pipeline.microbatch.certificate_services.Notifications`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._service = HttpService("notification service", settings, "service.learner.basePath", counts=counts)

    def close(self) -> None:
        self._service.close()

    def send(self, request: Mapping[str, Any]) -> None:
        """See the protocol."""
        with failed_calls(refusals=True):
            answer = self._service.post("/v2/notification", {"request": request}, repeatable=False)
        expect_status(answer)
