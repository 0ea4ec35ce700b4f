"""Which events count, and for what (contract activity-aggregate-updater 3, 4.1, 8)."""

from __future__ import annotations

from hashlib import md5
from typing import Any, NamedTuple

from lern_pipeline.events.validation import InvalidEvent, Skip, checked_id, required_id
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey

ACTION = "batch-enrolment-update"
COMPLETED = 2


class Completion(NamedTuple):
    """One completed content of an event. ``checksum`` is the key under which it is remembered for some days."""

    content_id: str
    checksum: str


class CompletionEvent(NamedTuple):
    """A valid event: the completed contents of one enrolment, in order, repetitions kept."""

    enrolment: EnrolmentKey
    completions: tuple[Completion, ...]


def completion_event(members: dict[str, Any]) -> CompletionEvent | Skip:
    """What the event asks for.

    Raises:
        InvalidEvent: as the failure matrix of the contract says (8).
    """
    edata = members.get("edata")
    if not isinstance(edata, dict):
        raise InvalidEvent("edata is missing" if edata is None else "edata is not an object")
    action = edata.get("action")
    if not isinstance(action, str) or action.lower() != ACTION:
        return Skip("other action")
    contents = edata.get("contents")
    if contents is None:
        return Skip("no contents")
    if not isinstance(contents, list):
        raise InvalidEvent("edata.contents is not an array")
    content_ids = _completed_content_ids(contents)
    if content_ids is None:
        return Skip("nothing completed")
    if not content_ids:
        return Skip("no usable content id")
    enrolment = EnrolmentKey(
        required_id(edata, "userId"), required_id(edata, "courseId"), required_id(edata, "batchId")
    )
    return CompletionEvent(enrolment, tuple(Completion(id_, checksum(enrolment, id_)) for id_ in content_ids))


def _completed_content_ids(contents: list[Any]) -> list[str] | None:
    """Ids of the entries with status 2; blank and missing ones left out. None if no entry has status 2."""
    for entry in contents:
        if not isinstance(entry, dict):
            raise InvalidEvent("an element of edata.contents is not an object")
    completed = [entry for entry in contents if _is_completed(entry.get("status"))]
    if not completed:
        return None
    ids = []
    for entry in completed:
        content_id = entry.get("contentId")
        if content_id is None:
            continue
        if not isinstance(content_id, str):
            raise InvalidEvent("contentId of a completed content is not a string")
        if content_id.strip():
            ids.append(checked_id(content_id, "contentId"))
    return ids


def _is_completed(status: object) -> bool:
    """Only a number equal to 2 counts; true and "2" do not."""
    return type(status) in (int, float) and status == COMPLETED


def checksum(enrolment: EnrolmentKey, content_id: str) -> str:
    """Upper-case MD5 under which a completion is remembered (contract 4.1, platform 6.5)."""
    user_id, course_id, batch_id = enrolment
    text = f"{course_id}|{batch_id}|{user_id}|{content_id}|{COMPLETED}"
    return md5(text.encode(), usedforsecurity=False).hexdigest().upper()
