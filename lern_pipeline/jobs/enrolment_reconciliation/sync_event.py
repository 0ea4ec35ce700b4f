"""Which events count (contract enrolment-reconciliation 4, 7)."""

from __future__ import annotations

from typing import Any

from lern_pipeline.events.validation import InvalidEvent, Skip, required_id
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey

ACTION = "user-enrolment-sync"


def enrolment_to_sync(members: dict[str, Any]) -> EnrolmentKey | Skip:
    """The enrolment that the event asks to recompute.

    Raises:
        InvalidEvent: an action or id of the wrong type, an id missing or blank.
    """
    edata = members.get("edata")
    if not isinstance(edata, dict):
        return Skip("other action")
    action = edata.get("action")
    if action is None:
        return Skip("other action")
    if not isinstance(action, str):
        raise InvalidEvent("edata.action is not a string")
    if action.lower() != ACTION:
        return Skip("other action")
    return EnrolmentKey(required_id(edata, "userId"), required_id(edata, "courseId"), required_id(edata, "batchId"))
