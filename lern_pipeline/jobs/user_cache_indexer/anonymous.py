"""Anonymous users: hashes that the app's events made and of whom Cassandra knows nothing (contract 3.1)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

FIELDS = ("usersignintype", "userlogintype")
ANONYMOUS = "Anonymous"
HEADER = ("userid", *FIELDS)

AnonymousUser = tuple[str, str | None, str | None]
"""User id, sign-in type, login type."""


def is_anonymous(sign_in_type: str | None) -> bool:
    """Whether the hash may be one of an anonymous user; those without any sign-in type may."""
    return sign_in_type in (None, ANONYMOUS)


def csv_rows(users: Iterable[AnonymousUser]) -> str:
    """Lines of the back-up, without the header."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(["" if cell is None else cell for cell in user] for user in users)
    return text.getvalue()


def copied_fields(user: AnonymousUser) -> dict[str, str]:
    """What mode C writes; empty where there is nothing to write."""
    return {name: value for name, value in zip(FIELDS, user[1:], strict=True) if value is not None}
