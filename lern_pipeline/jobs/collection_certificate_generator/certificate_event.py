"""Which events count (contract collection-certificate-generator 4, 9 D13)."""

from __future__ import annotations

from typing import Any

from lern_pipeline.events.validation import InvalidEvent, checked_id
from lern_pipeline.jobs.certificates.request import Submitted, submitted


def certificate_event(members: dict[str, Any]) -> Submitted:
    """The request of the event.

    Raises:
        InvalidEvent: it cannot be used; a certificate for another one than the user, too.
    """
    found = submitted(members)
    request = found.request
    if request is not None:
        ids = [checked_id(recipient.id, "edata.data.recipientId") for recipient in request.recipients]
        if any(id_ != request.user_id for id_ in ids):
            raise InvalidEvent("edata.data.recipientId is not edata.userId")
    return found
