"""The two columns of the user that hold JSON (contract 2.2, R7)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

LOCATION_TYPES = ("state", "district", "block", "cluster")


class UnusableColumn(ValueError):
    """The column is no JSON, or not of the contract's form; names it, never its value."""


@lru_cache(maxsize=2048)
def location_ids(profilelocation: str | None) -> dict[str, str | None]:
    """Location type, lower-cased → the id of its first entry. Remembered, since reading and deciding both ask.

    Raises:
        UnusableColumn: see there; an entry without a type is one of these cases.
    """
    found: dict[str, str | None] = {}
    for entry in _objects(profilelocation, "profilelocation"):
        kind, id_ = entry.get("type"), entry.get("id")
        if not isinstance(kind, str) or not isinstance(id_, str | None):
            raise UnusableColumn("profilelocation")
        found.setdefault(kind.lower(), id_)
    return found


def user_types(profileusertypes: str | None) -> list[dict[str, Any]]:
    """The entries without members that are null.

    Raises:
        UnusableColumn: see there.
    """
    entries = _objects(profileusertypes, "profileusertypes")
    for entry in entries:
        if not all(isinstance(entry.get(name), str | None) for name in ("type", "subType")):
            raise UnusableColumn("profileusertypes")
    return [{name: value for name, value in entry.items() if value is not None} for entry in entries]


def _objects(text: str | None, column: str) -> list[dict[str, Any]]:
    """The list's objects; elements that are null are dropped (decisions 13)."""
    if not text:
        return []
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UnusableColumn(column) from error
    entries = [] if value is None else value
    if not isinstance(entries, list) or not all(isinstance(entry, dict | None) for entry in entries):
        raise UnusableColumn(column)
    return [entry for entry in entries if entry is not None]


def location_ids_in_order(orglocation: str | None) -> list[str] | None:
    """The ids of an organisation's `orglocation`; None where it has none.

    Raises:
        UnusableColumn: see there.
    """
    ids = [entry.get("id") for entry in _objects(orglocation, "orglocation")]
    if not all(isinstance(id_, str | None) for id_ in ids):
        raise UnusableColumn("orglocation")
    return [id_ for id_ in ids if id_ is not None] or None
