"""Which events ask for certificates, and for whom (contract collection-cert-pre-processor 3, D1). Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from lern_pipeline.events.validation import InvalidEvent, Skip, checked_id

ACTION = "issue-certificate"

OTHER_ACTION = "other action"
INCOMPLETE = "batchId, courseId or userIds is missing"


class IssueRequest(NamedTuple):
    """Certificates of one batch for some learners.

    Each distinct learner is a unit of its own (D1), in the event's order. ``unusable``: why some of ``userIds`` are no
    ids; the others are done all the same (decisions 2). ``re_issue`` is None where it is no boolean: that matters only
    where a certificate is held already.
    """

    user_ids: tuple[str, ...]
    course_id: str
    batch_id: str
    re_issue: bool | None
    unusable: tuple[str, ...] = ()


def issue_request(members: dict[str, Any]) -> IssueRequest | Skip:
    """What the event asks for.

    Raises:
        InvalidEvent: ``action``, ``courseId``, ``batchId`` or ``userIds`` is of a wrong type, or an id cannot be a key.
    """
    edata = members.get("edata")
    if not isinstance(edata, dict):
        return Skip(OTHER_ACTION)
    # The existing job looks at the ids' types before it looks at the action.
    batch_id, course_id = _text(edata, "batchId"), _text(edata, "courseId")
    user_ids = edata.get("userIds")
    if user_ids is not None and not isinstance(user_ids, list):
        raise InvalidEvent("edata.userIds is not an array")
    if _text(edata, "action").lower() != ACTION:
        return Skip(OTHER_ACTION)
    # A missing learner is no learner: null counts as absent.
    asked = [user_id for user_id in user_ids or () if user_id not in (None, "")]
    if not batch_id or not course_id or not asked:
        return Skip(INCOMPLETE)
    checked_id(batch_id, "edata.batchId")
    checked_id(course_id, "edata.courseId")
    usable, unusable = _learners(asked)
    if not usable:
        raise InvalidEvent(unusable[0])
    re_issue = edata.get("reIssue", False)
    if re_issue is None:
        re_issue = False
    return IssueRequest(usable, course_id, batch_id, re_issue if isinstance(re_issue, bool) else None, unusable)


def _text(edata: dict[str, Any], name: str) -> str:
    value = edata.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidEvent(f"edata.{name} is not a string")
    return value


def _learners(asked: list[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    usable: dict[str, None] = {}
    unusable: dict[str, None] = {}
    for user_id in asked:
        try:
            if not isinstance(user_id, str):
                raise InvalidEvent("an element of edata.userIds is not a string")
            usable[checked_id(user_id, "an element of edata.userIds")] = None
        except InvalidEvent as error:
            unusable[error.reason] = None
    return tuple(usable), tuple(unusable)
