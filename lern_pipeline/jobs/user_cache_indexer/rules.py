"""A user's row as fields of the hash (contract 3.2 to 3.5), and what that changes of a stored hash (R2, R4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from lern_pipeline.jobs.user_cache_indexer.extended_fields import extended_fields
from lern_pipeline.jobs.user_cache_indexer.profile_json import (
    LOCATION_TYPES,
    UnusableColumn,
    location_ids,
    user_types,
)
from lern_pipeline.jobs.user_cache_indexer.reference_data import SCHOOL, ReferenceData
from lern_pipeline.jobs.user_cache_indexer.user_row import UserRow
from lern_pipeline.jobs.user_cache_updater.encoding import plain
from lern_pipeline.microbatch.plan import UpdateHash
from lern_pipeline.microbatch.user_directory import NoAnswer

Fields = dict[str, str]

COPIED = ("firstname", "lastname", "email", "phone", "rootorgid")
SELF_SIGNED_IN, VALIDATED = "Self-Signed-In", "Validated"
FRAMEWORK = "framework_"

#: Fields that go when the user no longer has them (R2), beside `framework_*`.
REMOVABLE = frozenset((*LOCATION_TYPES, "schoolname", "schooludisecode"))
#: Fields that a clean rebuild leaves alone: nothing in Cassandra tells them (R4).
KEPT = frozenset(("userlogintype",))


@dataclass(slots=True)
class Indexed:
    """A user's fields. ``unusable``: columns that were treated as empty (R7). ``framework_unknown``: the framework's
    categories could not be had, so its lists are not among the fields and stored ones stay (R8)."""

    fields: Fields
    unusable: list[str] = field(default_factory=list)
    framework_unknown: bool = False


def index_user(user: UserRow, data: ReferenceData) -> Indexed:
    """All fields of one user, whose ``userid`` is not null; a field without a value is left out."""
    indexed = Indexed({})
    fields = indexed.fields
    for name in COPIED:
        _put(fields, name, getattr(user, name))
    if user.status is not None:
        fields["status"] = str(user.status)
    _framework(user, data, indexed)
    fields["usersignintype"] = SELF_SIGNED_IN if user.rootorgid == data.custodian else VALIDATED
    memberships = data.memberships.get(user.userid or "", ())
    if memberships:
        root = data.organisations.get(user.rootorgid or "")
        fields["orgname"] = plain(root.orgname if root else None)
    try:
        _locations(user, data, fields)
    except UnusableColumn as error:
        indexed.unusable.append(str(error))
    try:
        types = user_types(user.profileusertypes)
        told = bool(user.profileusertypes)
    except UnusableColumn as error:
        indexed.unusable.append(str(error))
        types, told = [], False
    fields["usertype"] = plain(_distinct(types, "type"))
    fields["usersubtype"] = plain(_distinct(types, "subType"))
    fields["profileusertypes"] = json_text(types) if told else ""
    schools = [id_ for id_ in memberships if (o := data.organisations.get(id_)) and o.organisationtype == SCHOOL]
    if schools:
        # Of several the one that the user service lists last, which the updater stores (contract 3.4).
        school = data.organisations[max(schools)]
        _put(fields, "schoolname", school.orgname)
        _put(fields, "schooludisecode", school.externalid)
    if user.extended is not None:
        # Never over a field of the core set (contract 5).
        indexed.fields = extended_fields(user, data) | fields
    return indexed


def change_of(key: str, stored: Mapping[str, str], indexed: Indexed, clean: bool) -> UpdateHash | None:
    """What makes the stored hash right; None where it is. ``clean``: fields that nobody has asked for go too."""
    fields = indexed.fields
    changed = {name: value for name, value in fields.items() if stored.get(name) != value}
    removed = tuple(name for name in stored if name not in fields and _goes(name, indexed, clean))
    return UpdateHash(key, tuple(sorted(removed)), changed) if changed or removed else None


def _goes(name: str, indexed: Indexed, clean: bool) -> bool:
    if name.startswith(FRAMEWORK) and name != "framework_id" and indexed.framework_unknown:
        return False
    return name not in KEPT if clean else name in REMOVABLE or name.startswith(FRAMEWORK)


def first_framework(user: UserRow) -> str | None:
    """The user's framework id."""
    ids = (user.framework or {}).get("id")
    return (ids[0] or None) if ids else None


def hash_key(userid: str) -> str:
    """The user's key."""
    return f"user:{userid}"


def json_text(value: object) -> str:
    """Compact JSON as it is, without the updater's HTML escapes (contract 3.5)."""
    return msgspec.json.encode(value).decode()


def _framework(user: UserRow, data: ReferenceData, indexed: Indexed) -> None:
    framework = first_framework(user)
    if framework is None:
        return
    indexed.fields["framework_id"] = plain(framework)
    categories = data.categories.get(framework, ())
    if isinstance(categories, NoAnswer):
        indexed.framework_unknown = True
        return
    for code in categories:
        if values := (user.framework or {}).get(code):
            indexed.fields[f"{FRAMEWORK}{code}"] = json_text(list(values))


def _locations(user: UserRow, data: ReferenceData, fields: Fields) -> None:
    ids = location_ids(user.profilelocation)
    for kind in LOCATION_TYPES:
        location = data.locations.get(ids.get(kind) or "")
        if location is not None and location.type == kind:
            _put(fields, kind, location.name)


def _put(fields: Fields, name: str, value: str | None) -> None:
    if value is not None:
        fields[name] = plain(value)


def _distinct(entries: list[dict[str, str]], name: str) -> str:
    return ",".join(dict.fromkeys(value for entry in entries if (value := entry.get(name))))
