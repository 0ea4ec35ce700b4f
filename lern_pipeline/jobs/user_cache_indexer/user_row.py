"""What is read of a user from Cassandra (contract 2.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

USER_TABLE = "sunbird.user"
COLUMNS = (
    "id",
    "userid",
    "firstname",
    "lastname",
    "email",
    "phone",
    "rootorgid",
    "updateddate",
    "profilelocation",
    "profileusertypes",
    "framework",
    "status",
)
#: Columns of the extended set that are copied (contract 5), and `channel`, which leads to a tenant's external id.
EXTENDED_COLUMNS = (
    "phoneverified",
    "emailverified",
    "flagsvalue",
    "createdby",
    "roles",
    "createddate",
    "isdeleted",
    "locationids",
    "loginid",
    "username",
    "channel",
)


class UserRow(NamedTuple):
    """A row of the table `user`. ``extended``: the columns of the extended set, None where they are not wanted."""

    id: str
    userid: str | None
    firstname: str | None = None
    lastname: str | None = None
    email: str | None = None
    phone: str | None = None
    rootorgid: str | None = None
    updateddate: str | None = None
    profilelocation: str | None = None
    profileusertypes: str | None = None
    framework: Mapping[str, Sequence[str]] | None = None
    status: int | None = None
    extended: Mapping[str, Any] | None = None


def columns(extended: bool) -> tuple[str, ...]:
    """What to select."""
    return COLUMNS + EXTENDED_COLUMNS if extended else COLUMNS


def user_row(values: Sequence[Any]) -> UserRow:
    """The row of what was selected."""
    core = len(COLUMNS)
    if len(values) == core:
        return UserRow(*values)
    return UserRow(*values[:core])._replace(extended=dict(zip(EXTENDED_COLUMNS, values[core:], strict=True)))
