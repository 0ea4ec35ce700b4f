"""What outcomes and failed records say of calls that failed (contract collection-certificate-generator 7, 12)."""

from __future__ import annotations

from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.microbatch.effects import Outcome

API_CALL = "ERR_API_CALL"
SYSTEM_ERROR = "SYSTEM_ERROR"

CREATE = "service.rc.create.api"
SEARCH = "service.rc.search.api"


def api_text(api: str, failed: CallFailed) -> str:
    """The existing job's text."""
    status = "no answer" if failed.status is None else failed.status
    text = f"Something Went Wrong While Making API Call:  {api} | Status is: {status}"
    return f"{text} | {failed.reason}" if failed.reason and failed.status == 200 else text


def api_failure(api: str, failed: CallFailed) -> Outcome:
    """The outcome of an effect that a call has failed."""
    return Outcome("failed", reason=api_text(api, failed), code=API_CALL)
