"""A user's profile as columns: locations, user types, organisation (contract 4.1 to 4.3).

A section that the profile does not have leaves its columns alone: they are no part of the result.
"""

from __future__ import annotations

from typing import Any

from lern_pipeline.events.validation import InvalidEvent

Columns = dict[str, Any]

LOCATION_FIELDS = ("name", "id", "code")


def profile_columns(profile: object) -> Columns:
    """The columns that the profile's sections fill; null and empty ones included.

    Raises:
        InvalidEvent: a section of another type than the contract's.
    """
    if not isinstance(profile, dict):
        return {}
    columns: Columns = {}
    locations = profile.get("userLocations")
    if locations is not None:
        columns["user_locations"] = user_locations(_objects(locations, "userLocations"))
    types = profile.get("profileUserTypes")
    if types is not None:
        entries = _objects(types, "profileUserTypes")
        columns["user_type"] = user_type(entries)
        columns["user_sub_type"] = user_sub_types(entries)
    organisation = profile.get("rootOrg")
    if organisation is not None:
        if not isinstance(organisation, dict):
            raise InvalidEvent("userProfile.rootOrg is not an object")
        columns["organisation_id"] = _text_with_content(organisation.get("id"))
        columns["organisation_name"] = _text_with_content(organisation.get("orgName"))
    return columns


def user_locations(locations: list[dict[str, Any]]) -> dict[str, str]:
    """``<type>_name``, ``<type>_id`` and ``<type>_code`` of every location; a later one of a type overwrites."""
    flattened: dict[str, str] = {}
    for location in locations:
        kind = _as_text(location.get("type"), "type")
        if kind is None:
            continue
        for field in LOCATION_FIELDS:
            text = _as_text(location.get(field), field)
            if text is not None:
                flattened[f"{kind}_{field}"] = text
    return flattened


def user_type(types: list[dict[str, Any]]) -> str | None:
    """The last entry's type, lower-cased; earlier ones do not count (D5)."""
    last = _string(types[-1].get("type"), "type") if types else None
    return last.lower() if last else None


def user_sub_types(types: list[dict[str, Any]]) -> str | None:
    """All sub types, upper-cased, each once, in order of first appearance, joined by commas."""
    found = [_string(entry.get("subType"), "subType") for entry in types]
    joined = ",".join(dict.fromkeys(sub_type.upper() for sub_type in found if sub_type))
    return joined if joined.strip() else None


def _objects(value: object, section: str) -> list[dict[str, Any]]:
    """The list's elements without the null ones (D13)."""
    if not isinstance(value, list):
        raise InvalidEvent(f"userProfile.{section} is not an array")
    elements = [element for element in value if element is not None]
    if not all(isinstance(element, dict) for element in elements):
        raise InvalidEvent(f"userProfile.{section} has an element that is not an object")
    return elements


def _as_text(value: object, field: str) -> str | None:
    """The value as text, numbers too, untrimmed; None where there is none or it is blank."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise InvalidEvent(f"userProfile.userLocations has a {field} that is no text")
    text = str(value)
    return text if text.strip() else None


def _string(value: object, field: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidEvent(f"userProfile.profileUserTypes has a {field} that is not a string")
    return value


def _text_with_content(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
