"""Which events ask for a deletion, and what they say (contract user-deletion-cleanup 2, 4.1)."""

from __future__ import annotations

from typing import Any

import msgspec

from lern_pipeline.events.validation import LONGEST_ID_BYTES, Skip, checked_id


class DeletionRequest(msgspec.Struct, frozen=True):
    """``mid`` is empty where the event has none; ``made_at_ms``: when it says that it was made, epoch milliseconds."""

    user_id: str
    organisation_id: str
    managed_users: tuple[str, ...] = ()
    mid: str = ""
    made_at_ms: int | None = None


def deletion_request(members: dict[str, Any]) -> DeletionRequest | Skip:
    """The deletion that the event asks for, whatever its eid and action.

    Raises:
        InvalidEvent: an id is longer than a key may be.
    """
    edata = members.get("edata")
    if not isinstance(edata, dict):
        return Skip("edata is missing or no object")
    for name in ("userId", "organisationId"):
        if not isinstance(edata.get(name), str) or not edata[name].strip():
            return Skip(f"edata.{name} is missing, blank or no text")
    mid, made_at = members.get("mid"), members.get("ets")
    return DeletionRequest(
        checked_id(edata["userId"], "edata.userId"),
        checked_id(edata["organisationId"], "edata.organisationId"),
        _managed_users(edata.get("managed_users")),
        mid if isinstance(mid, str) else "",
        int(made_at) if isinstance(made_at, int | float) and not isinstance(made_at, bool) else None,
    )


def _managed_users(given: object) -> tuple[str, ...]:
    """Distinct ids in their order. Nulls and what can be no key are dropped; of anything but a list there are none."""
    if not isinstance(given, list):
        return ()
    ids = [one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in given if one is not None]
    return tuple(
        dict.fromkeys(id_ for id_ in ids if id_.strip() and len(id_.encode(errors="replace")) <= LONGEST_ID_BYTES)
    )
