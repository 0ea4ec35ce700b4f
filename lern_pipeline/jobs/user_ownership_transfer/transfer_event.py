"""Which events count, and who hands over to whom (contract 2, D1, D9, D15)."""

from __future__ import annotations

from typing import Any, NamedTuple

from lern_pipeline.events.validation import InvalidEvent, Skip, checked_id


class Transfer(NamedTuple):
    """Two users, who are not the same. ``organisation`` None: the event names none. ``names_asset``: the request was
    for a single asset."""

    from_user: str
    to_user: str
    organisation: str | None
    names_asset: bool


def ownership_transfer(members: dict[str, Any]) -> Transfer | Skip:
    """The transfer that the event asks for, whatever its action.

    An event that cannot be used is counted as skipped, and a failed record tells of it (D1).
    """
    try:
        users = _text_at(members, "fromUserProfile", "userId"), _text_at(members, "toUserProfile", "userId")
        for name, user in zip(("fromUserProfile", "toUserProfile"), users, strict=True):
            if user is None:
                raise InvalidEvent(f"edata.{name}.userId is missing")
        from_user, to_user = (user or "" for user in users)
        # Empty ids are what the existing job skips too; any other that is no id is invalid.
        if not from_user or not to_user:
            return Skip("the id of a user is empty")
        checked_id(from_user, "edata.fromUserProfile.userId")
        checked_id(to_user, "edata.toUserProfile.userId")
        organisation = _text_at(members, "organisationId")
    except InvalidEvent as error:
        return Skip(error.reason, error=error.reason, code=error.code)
    if from_user == to_user:
        return Skip("old and new owner are the same")
    return Transfer(from_user, to_user, organisation, bool(_member_at(members, "assetInformation")))


def _text_at(members: dict[str, Any], *path: str) -> str | None:
    """The text at the path below ``edata``, verbatim; None where it, or any object above it, is missing or null."""
    value = _member_at(members, *path)
    if value is None or isinstance(value, str):
        return value
    raise InvalidEvent(f"edata.{'.'.join(path)} is not a string")


def _member_at(members: dict[str, Any], *path: str) -> Any:
    value: Any = members
    for name in ("edata", *path):
        value = value.get(name) if isinstance(value, dict) else None
    return value
