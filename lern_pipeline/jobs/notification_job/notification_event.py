"""From an event's members to the notification that it asks for (contract notification-job 2). Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from lern_pipeline.events.validation import Skip
from lern_pipeline.jobs.notification_job.retry_event import RETRY_ITERATION, retry_event
from lern_pipeline.jobs.notification_job.wanted_send import PermanentFailure, Wanted, wanted_send

ACTION = "broadcast-topic-notification-all"
OTHER_ACTION = "another action"
NO_EDATA = "edata is missing, empty or not an object"

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
# Beyond that an iteration says nothing more; in keys it must be short.
_LARGEST_ITERATION = 1_000_000


class Notification(NamedTuple):
    """One request to send something. ``mid`` None: missing, blank or no text. ``retry``: the event for the second
    attempt, None where there is none to come."""

    mid: str | None
    iteration: int
    mode: str
    wanted: Wanted
    retry: bytes | None


class Unsendable(NamedTuple):
    """A permanent failure, or an event without anything in it; ``reason`` is counted, position and mid are logged."""

    mid: str | None
    reason: str


def notification_event(members: dict[str, Any]) -> Notification | Unsendable | Skip:
    """What the event asks for; nothing where it is not for this job."""
    mid = members.get("mid")
    mid = mid if isinstance(mid, str) and mid.strip() else None
    edata = members.get("edata")
    if not isinstance(edata, dict) or not edata:
        return Unsendable(mid, NO_EDATA)
    action = edata.get("action")
    if not isinstance(action, str) or action.lower() != ACTION:
        return Skip(OTHER_ACTION)
    try:
        mode, wanted = _request(edata)
    except PermanentFailure as failure:
        return Unsendable(mid, f"permanent failure: {failure.reason}")
    iteration = iteration_of(edata)
    retry = retry_event(members) if iteration < RETRY_ITERATION else None
    return Notification(mid, iteration, mode, wanted, retry)


def iteration_of(edata: dict[str, Any]) -> int:
    """Missing is 1, the text of a whole number that number, anything else the last attempt."""
    value = edata.get("iteration")
    if value is None:
        return 1
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        # More digits than Python takes are more than the largest.
        value = int(value) if len(value) < 20 else _LARGEST_ITERATION * (-1 if value.startswith("-") else 1)
    if isinstance(value, bool) or not isinstance(value, int):
        return RETRY_ITERATION
    return max(-_LARGEST_ITERATION, min(value, _LARGEST_ITERATION))


def _request(edata: dict[str, Any]) -> tuple[str, Wanted]:
    request = edata.get("request")
    if not isinstance(request, dict):
        raise PermanentFailure("request is missing or not an object")
    notification = request.get("notification")
    if not isinstance(notification, dict):
        raise PermanentFailure("notification is missing or not an object")
    mode = notification.get("mode")
    if not isinstance(mode, str):
        raise PermanentFailure("mode is missing or not a string")
    mode = mode.lower()
    return mode, wanted_send(notification, mode)
