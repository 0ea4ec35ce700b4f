"""What an event hands over, and from whom to whom (contract 2 and 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lern_pipeline.events.validation import InvalidEvent, Skip, checked_id
from lern_pipeline.jobs.manage_learn.event_text import a_text, member_at, parking, text_at

ASSET = "edata.assetInformation"
OBJECT_ID = re.compile("[0-9a-fA-F]{24}")


@dataclass(frozen=True, slots=True)
class NewOwner:
    """Who gets it. ``user_name``, ``roles`` and ``actor`` (who asked for the transfer) matter where programs move."""

    user_id: str
    first_name: str
    user_name: str = ""
    roles: tuple[str, ...] = ()
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """``solution`` or ``program``: the hexadecimal id of the one asset; with neither all assets go."""

    old_owner: str
    to: NewOwner
    solution: str | None = None
    program: str | None = None

    @property
    def is_of_all_assets(self) -> bool:
        return self.solution is None and self.program is None


@parking
def transfer(event: dict[str, Any]) -> Transfer | Skip:
    """What the event asks for.

    Raises:
        InvalidEvent: users missing, blank or the same (D1, D8); an asset that is half named (D7) or has no ObjectId;
            members of wrong types.
    """
    old_owner = checked_id(text_at(event, "edata.fromUserProfile.userId"), "edata.fromUserProfile.userId")
    new_owner = checked_id(text_at(event, "edata.toUserProfile.userId"), "edata.toUserProfile.userId")
    if old_owner == new_owner:
        raise InvalidEvent("old and new owner are the same")
    asset = member_at(event, ASSET)
    if asset is None or asset == {}:
        return Transfer(old_owner, _owner(event, new_owner))
    kind, asset_id = _named(asset)
    if kind == "solution":
        first_name = text_at(event, "edata.toUserProfile.firstName")
        return Transfer(old_owner, NewOwner(new_owner, first_name), solution=_object_id(asset_id))
    if kind == "program":
        return Transfer(old_owner, _owner(event, new_owner), program=_object_id(asset_id))
    return Skip("another type of asset")


def _named(asset: Any) -> tuple[str, str]:
    if not isinstance(asset, dict):
        raise InvalidEvent(f"{ASSET} is not an object")
    kind, asset_id = (text_at(asset, name) for name in ("objectType", "identifier"))
    if not kind or not asset_id:
        raise InvalidEvent(f"{ASSET} has no objectType or no identifier")
    return kind, asset_id


def _object_id(asset_id: str) -> str:
    if not OBJECT_ID.fullmatch(asset_id):
        raise InvalidEvent(f"{ASSET}.identifier is not an ObjectId")
    return asset_id.lower()


def _owner(event: dict[str, Any], user_id: str) -> NewOwner:
    """With all that the record of the new owner may need."""
    path = "edata.toUserProfile"
    roles = member_at(event, f"{path}.roles")
    if not isinstance(roles, list | None):
        raise InvalidEvent(f"{path}.roles is not an array")
    return NewOwner(
        user_id,
        first_name=text_at(event, f"{path}.firstName"),
        user_name=text_at(event, f"{path}.userName"),
        # A role that is asked for twice is meant once (D14).
        roles=tuple(dict.fromkeys(a_text(role, f"a role of {path}.roles") for role in roles or ())),
        actor=text_at(event, "edata.actionBy.userId"),
    )
