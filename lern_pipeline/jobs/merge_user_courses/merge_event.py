"""Which events count: one account merged into another (contract merge-user-courses 2, D4, D5, D16)."""

from __future__ import annotations

from typing import Any, NamedTuple

from lern_pipeline.events.validation import InvalidEvent, Skip, required_id

#: ``failInfo.error`` of every invalid event (6); what is wrong is counted as the reason of the skip.
ERROR = "ERR_MERGE_USER_COURSES_SAMZA"


class Merge(NamedTuple):
    """Two accounts, which are not the same."""

    from_account: str
    to_account: str


def account_merge(members: dict[str, Any]) -> Merge | Skip:
    """The merge that the event asks for, whatever its action.

    An invalid event is counted as skipped, and a failed record tells of it (D4).
    """
    edata = members.get("edata")
    if not isinstance(edata, dict):
        return _invalid("edata is missing" if edata is None else "edata is not an object")
    try:
        merge = Merge(required_id(edata, "fromAccountId"), required_id(edata, "toAccountId"))
    except InvalidEvent as error:
        return _invalid(error.reason)
    if merge.from_account == merge.to_account:
        return _invalid("an account merged into itself")
    return merge


def _invalid(reason: str) -> Skip:
    return Skip(f"invalid: {reason}", ERROR)
