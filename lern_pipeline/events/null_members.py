"""Objects without their null members: what several of the existing jobs do to events before they write them."""

from __future__ import annotations

from typing import Any


def without_null_members(value: Any) -> Any:
    """Null members of objects are left out at every level; nulls in arrays and emptied objects stay."""
    # One frame a level: what was read may be nested hundreds of levels deep.
    if isinstance(value, dict):
        members = {}
        for name, member in value.items():
            if member is not None:
                members[name] = without_null_members(member) if isinstance(member, (dict, list)) else member
        return members
    if isinstance(value, list):
        items = []
        for item in value:
            items.append(without_null_members(item) if isinstance(item, (dict, list)) else item)
        return items
    return value
