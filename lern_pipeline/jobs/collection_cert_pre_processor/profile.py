"""User criteria, and what a certificate says of its learner (contract collection-cert-pre-processor 5.5, 6, 6.2;
decisions 13). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lern_pipeline.jobs.collection_cert_pre_processor.refusal import INVALID_DATA, Refused
from lern_pipeline.jobs.collection_cert_pre_processor.template import Template

#: Members of the profile that every certificate needs.
MEMBERS = ("firstName", "lastName", "rootOrgId", "userLocations")

# What Java's trim takes away.
_BLANKS = "".join(map(chr, range(33)))


def members_for(templates: Iterable[Template]) -> set[str]:
    """Members of the profile that the templates look at."""
    wanted = set(MEMBERS)
    for template in templates:
        wanted.update(name for name, _ in template.user_criteria)
        wanted.update(template.additional["user"])
    return wanted


def matches(template: Template, profile: Mapping[str, Any]) -> bool:
    """Whether all user criteria match, JSON value by JSON value."""
    return all(_equal(expected, profile.get(name)) for name, expected in template.user_criteria)


def _equal(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))
    # True is 1 in Python, not in JSON.
    return isinstance(one, bool) is isinstance(other, bool) and one == other


def recipient_name(profile: Mapping[str, Any]) -> str:
    """First and last name; the word null is no name.

    Raises:
        Refused: one of them is no text.
    """
    return f"{_name(profile, 'firstName')} {_name(profile, 'lastName')}".strip(_BLANKS)


def _name(profile: Mapping[str, Any], member: str) -> str:
    value = profile.get(member)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(INVALID_DATA, f"{member} of the profile is not a text")
    return "" if value.lower() == "null" else value


def locations(profile: Mapping[str, Any], types: Iterable[str]) -> dict[str, Any]:
    """Name by type, of the types asked for that the profile has; of several of one type the last.

    Raises:
        Refused: ``userLocations`` is no array.
    """
    found = profile.get("userLocations")
    if found is None:
        return {}
    if not isinstance(found, list):
        raise Refused(INVALID_DATA, "userLocations of the profile is not an array")
    names = {
        location["type"]: location["name"]
        for location in found
        if isinstance(location, dict) and isinstance(location.get("type"), str) and location.get("name") is not None
    }
    return {type_: names[type_] for type_ in types if type_ in names}


def without_null_elements(value: Any) -> Any:
    """Arrays at any depth without their nulls; null members of objects stay."""
    # One frame a level: what was read may be nested deeply.
    if isinstance(value, dict):
        return {
            name: without_null_elements(member) if isinstance(member, (dict, list)) else member
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [
            without_null_elements(item) if isinstance(item, (dict, list)) else item
            for item in value
            if item is not None
        ]
    return value
