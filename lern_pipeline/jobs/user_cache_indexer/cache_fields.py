"""The fields of the user's hash as data: who writes them, from what, and how they are compared (contract 3, 4, 6).

The page ``docs/user-cache-fields.md`` and the check ``matches_cassandra`` are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Written = Literal["core", "extended", "never"]
Compared = Literal["text", "number", "json", "not"]

_FRAMEWORK = "`user.framework`"
_REPORTS = "exhaust"
_TELEMETRY = "telemetry"


@dataclass(frozen=True, slots=True)
class CacheField:
    """A field of the hash. ``name`` ending in `*`: every field that begins so.

    ``designs``: numbers of the 32 fields of the design that it stands for. ``indexer``: the set in which the indexer
    writes it. ``updater``: whether user-cache-updater does. ``readers``: who needs it. ``compared``: as text, number or
    JSON, or not at all, since Cassandra does not tell it.
    """

    name: str
    type: str
    source: str
    indexer: Written
    updater: bool
    designs: tuple[int, ...] = ()
    readers: tuple[str, ...] = ()
    compared: Compared = "text"
    note: str = ""


@dataclass(frozen=True, slots=True)
class DesignField:
    """One of the 32 fields of the design (contract 4)."""

    number: int
    name: str
    type: str


DESIGN: tuple[DesignField, ...] = tuple(
    DesignField(number, name, kind)
    for number, (name, kind) in enumerate(
        (
            ("User-ID", "String"),
            ("Mobile number, encrypted", "String"),
            ("Email, encrypted", "String"),
            ("ID", "String"),
            ("First name", "String"),
            ("Last name", "String"),
            ("Phone verified", "String"),
            ("Email verified", "String"),
            ("Flags value", "Int"),
            ("Framework", "Map"),
            ("Rootorgid", "String"),
            ("CreatedBy", "String"),
            ("Subject", "List"),
            ("Language", "List"),
            ("Grade", "List"),
            ("Roles", "List"),
            ("Status", "Int"),
            ("Webpages", "List of maps"),
            ("Createddate", "String"),
            ("Emailverified", "Boolean"),
            ("Isdeleted", "Boolean"),
            ("Locationids", "List"),
            ("Updateddate", "String"),
            ("Profilevisibility", "String"),
            ("Loginid", "String"),
            ("Username", "String"),
            ("External-ID", "String"),
            ("School name", "String"),
            ("School UDISE code", "String"),
            ("State name", "String"),
            ("District name", "String"),
            ("Block name", "String"),
        ),
        start=1,
    )
)


def _location(name: str, design: int | None) -> CacheField:
    readers = (_REPORTS, "summary", _TELEMETRY) if name in ("state", "district") else (_REPORTS, _TELEMETRY)
    return CacheField(
        name,
        "text",
        f"`location.name` of the first `{name}` of `user.profilelocation`",
        "core",
        True,
        () if design is None else (design,),
        readers,
    )


def _copied(name: str, design: int, kind: str = "text", *, note: str = "") -> CacheField:
    return CacheField(name, kind, f"`user.{name}`", "extended", False, (design,), note=note)


def _dropped(name: str, design: int, updater: bool = False, note: str = "") -> CacheField:
    return CacheField(
        name, "list", "column dropped from `user`", "never", updater, (design,), compared="not", note=note
    )


FIELDS: tuple[CacheField, ...] = (
    CacheField(
        "userid",
        "text",
        "`user.userid`: the key, `user:<userid>`",
        "never",
        True,
        (1,),
        compared="not",
        note="Readers take it from the key.",
    ),
    CacheField("firstname", "text", "`user.firstname`", "core", True, (5,), (_REPORTS, "program")),
    CacheField("lastname", "text", "`user.lastname`", "core", True, (6,), (_REPORTS, "program")),
    CacheField(
        "phone", "text", "`user.phone`", "core", True, (2,), (_REPORTS, "program"), note="Encrypted, as in Cassandra."
    ),
    CacheField(
        "email", "text", "`user.email`", "core", True, (3,), (_REPORTS, "program"), note="Encrypted, as in Cassandra."
    ),
    CacheField("rootorgid", "text", "`user.rootorgid`", "core", True, (11,), (_REPORTS, "response")),
    CacheField("status", "whole number", "`user.status`", "core", True, (17,), (_REPORTS,), "number"),
    CacheField("framework_id", "text", f"first `id` of {_FRAMEWORK}", "core", True, (10,)),
    CacheField(
        "framework_*",
        "JSON list",
        f"{_FRAMEWORK}, each category of the user's framework",
        "core",
        True,
        (10, 13, 15),
        ("progress",),
        "json",
        note="Categories come from the framework service; an empty list is not written.",
    ),
    CacheField(
        "usersignintype",
        "text",
        "`user.rootorgid`: the custodian organisation or another",
        "core",
        True,
        (),
        (_TELEMETRY,),
        "not",
        note="The updater has it from the event of the sign-up.",
    ),
    CacheField(
        "userlogintype",
        "text",
        "none; the event of the log-in",
        "never",
        True,
        (),
        (_TELEMETRY,),
        "not",
        note="Of anonymous users it is copied from the input database.",
    ),
    CacheField(
        "orgname",
        "text",
        "`organisation.orgname` of `user.rootorgid`",
        "core",
        True,
        (),
        (_REPORTS, "summary"),
        note="Only of users with a membership.",
    ),
    _location("state", 30),
    _location("district", 31),
    _location("block", 32),
    _location("cluster", None),
    CacheField(
        "schoolname",
        "text",
        "`organisation.orgname` of the user's school",
        "core",
        True,
        (28,),
        (_REPORTS, _TELEMETRY),
        note="Of several schools the one with the greatest id.",
    ),
    CacheField(
        "schooludisecode", "text", "`organisation.externalid` of the user's school", "core", True, (29,), (_REPORTS,)
    ),
    CacheField(
        "usertype", "text", "`type` of `user.profileusertypes`", "core", True, (), (_REPORTS, "summary", _TELEMETRY)
    ),
    CacheField(
        "usersubtype",
        "text",
        "`subType` of `user.profileusertypes`",
        "core",
        True,
        (),
        (_REPORTS, "summary", _TELEMETRY),
    ),
    CacheField(
        "profileusertypes",
        "JSON list",
        "`user.profileusertypes`",
        "core",
        True,
        compared="json",
        note="Plain JSON; the updater escapes its brackets.",
    ),
    _copied("id", 4),
    CacheField("phoneverified", "boolean", "`user.phoneverified`", "extended", False, (7,)),
    CacheField("emailverified", "boolean", "`user.emailverified`", "extended", False, (8, 20)),
    _copied("flagsvalue", 9, "whole number"),
    _copied("createdby", 12),
    _copied("roles", 16, "JSON list", note="Roles have moved to the table `user_roles`."),
    _copied("createddate", 19),
    _copied("isdeleted", 21, "boolean"),
    CacheField(
        "locationids",
        "JSON list",
        "`user.locationids`; of a tenant's users those of the root organisation",
        "extended",
        False,
        (22,),
        compared="json",
    ),
    _copied("updateddate", 23),
    _copied("loginid", 25, note="Encrypted, as in Cassandra."),
    _copied("username", 26, note="Encrypted, as in Cassandra."),
    CacheField(
        "externalid",
        "text",
        "`user_declarations`, `usr_external_identity`",
        "extended",
        False,
        (27,),
    ),
    _dropped("subject", 13, note="See `framework_subject`."),
    _dropped("language", 14, updater=True, note="The updater writes it empty."),
    _dropped("grade", 15, note="See `framework_gradeLevel`."),
    _dropped("webpages", 18),
    _dropped("profilevisibility", 24),
)


def field_of(name: str) -> CacheField | None:
    """What is known of a hash's field."""
    return next((f for f in FIELDS if f.name == name or (f.name.endswith("*") and name.startswith(f.name[:-1]))), None)
