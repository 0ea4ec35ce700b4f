"""The extended set, off by default (contract 5)."""

from __future__ import annotations

import msgspec

from lern_pipeline.jobs.user_cache_indexer.profile_json import UnusableColumn, location_ids_in_order
from lern_pipeline.jobs.user_cache_indexer.reference_data import ReferenceData
from lern_pipeline.jobs.user_cache_indexer.user_row import UserRow
from lern_pipeline.jobs.user_cache_updater.encoding import plain

COPIED = (
    "phoneverified",
    "emailverified",
    "flagsvalue",
    "createdby",
    "roles",
    "createddate",
    "isdeleted",
    "loginid",
    "username",
)
DECLARED = "declared-ext-id"
PERSONA = "teacher"


def extended_fields(user: UserRow, data: ReferenceData) -> dict[str, str]:
    """Fields from columns that still exist; dropped columns are not brought back."""
    columns = user.extended or {}
    values: dict[str, object] = {"id": user.id, "updateddate": user.updateddate}
    values |= {name: columns.get(name) for name in COPIED}
    values["locationids"] = _location_ids(user, data)
    values["externalid"] = _external_id(user, data)
    return {name: _encoded(value) for name, value in values.items() if value is not None}


def _encoded(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, int):
        return str(value)
    assert isinstance(value, list | tuple | set | frozenset)
    return msgspec.json.encode(list(value)).decode()


def _location_ids(user: UserRow, data: ReferenceData) -> list[str] | None:
    """A tenant's user has those of the root organisation."""
    if user.rootorgid == data.custodian:
        own = (user.extended or {}).get("locationids")
        return None if own is None else list(own)
    root = data.organisations.get(user.rootorgid or "")
    if root is None:
        return None
    if root.locationids is not None:
        return list(root.locationids)
    try:
        return location_ids_in_order(root.orglocation)
    except UnusableColumn:
        return None


def _external_id(user: UserRow, data: ReferenceData) -> str | None:
    userid = user.userid or ""
    identities = data.identities.get(userid, ())
    if user.rootorgid == data.custodian:
        declared = sorted(
            d for d in data.declarations.get(userid, ()) if d.persona.lower() == PERSONA and d.external_id
        )
        if declared:
            return declared[0].external_id
        return min((one.externalid for one in identities if one.idtype == DECLARED), default=None)
    for tenant in (user.rootorgid, (user.extended or {}).get("channel")):
        found = [one.externalid for one in identities if one.idtype == one.provider == tenant]
        if found:
            return min(found)
    return None
