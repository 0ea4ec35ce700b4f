"""A user's profile as fields of the hash (contract 4.2); members that are null are absent by now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lern_pipeline.jobs.user_cache_updater.encoding import as_json, plain

Fields = dict[str, str]
Profile = Mapping[str, Any]

COPIED = {
    "firstname": "firstName",
    "lastname": "lastName",
    "rootorgid": "rootOrgId",
    "userid": "userId",
    "phone": "encPhone",
    "email": "encEmail",
}
"""Field → member of the profile."""


class InvalidProfile(ValueError):
    """A member of the profile is of another type than the contract's; names it, never its value."""


def framework_id(profile: Profile) -> str | None:
    """The first id of the user's framework.

    Raises:
        InvalidProfile: of another type.
    """
    ids = _member(_member(profile, "framework", dict, {}), "id", list, [])
    if not ids:
        return None
    if not isinstance(ids[0], str):
        raise InvalidProfile("framework.id")
    return ids[0] or None


def profile_fields(profile: Profile, categories: tuple[str, ...]) -> Fields:
    """All fields of the registered part, later ones over earlier ones; ``categories`` are the framework's.

    Raises:
        InvalidProfile: of another type.
    """
    return {
        **_framework_fields(profile, categories),
        **_location_fields(profile),
        **_user_type_fields(profile),
        **{field: plain(_text(profile, member)) for field, member in COPIED.items()},
        "language": _language(profile.get("language")),
        "orgname": plain(_text(_member(profile, "rootOrg", dict, {}), "orgName")),
        "status": _status(profile.get("status")),
    }


def _framework_fields(profile: Profile, categories: tuple[str, ...]) -> Fields:
    framework, id_ = _member(profile, "framework", dict, {}), framework_id(profile)
    if id_ is None:
        return {}
    fields = {"framework_id": plain(id_)}
    for code in categories:
        values = _member(framework, code, list, [])
        if values:
            fields[f"framework_{code}"] = as_json(values)
    return fields


def _location_fields(profile: Profile) -> Fields:
    schools: Fields = {}
    fields: Fields = {}
    for location in _objects(profile, "userLocations"):
        kind = _text(location, "type")
        if not kind:
            continue
        if kind.lower() == "school":
            schools = {"schoolname": plain(_text(location, "name")), "schooludisecode": plain(_text(location, "code"))}
        else:
            fields[kind] = plain(_text(location, "name"))
    return schools | fields


def _user_type_fields(profile: Profile) -> Fields:
    types = _objects(profile, "profileUserTypes")
    if not types:
        return {}
    # The existing writer's order of members.
    ordered = [{name: entry[name] for name in sorted(entry)} for entry in types]
    return {
        "usertype": plain(_distinct(types, "type")),
        "usersubtype": plain(_distinct(types, "subType")),
        "profileusertypes": plain(as_json(ordered)),
    }


def _distinct(entries: list[dict[str, Any]], name: str) -> str:
    values = [_text(entry, name) for entry in entries]
    return ",".join(dict.fromkeys(value for value in values if value))


def _language(value: object) -> str:
    if isinstance(value, list):
        return as_json(value)
    if value is not None and not isinstance(value, str):
        raise InvalidProfile("language")
    return plain(value)


def _status(value: object) -> str:
    """Whole numbers as such, whatever they came as (D3)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | None):
        raise InvalidProfile("status")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return plain(None if value is None else str(value))


def _text(members: Mapping[str, Any], name: str) -> str | None:
    text: str | None = _member(members, name, str, None)
    return text


def _objects(profile: Profile, name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = _member(profile, name, list, [])
    if not all(isinstance(entry, dict) for entry in entries):
        raise InvalidProfile(name)
    return entries


def _member(members: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    value = members.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise InvalidProfile(name)
    return value
