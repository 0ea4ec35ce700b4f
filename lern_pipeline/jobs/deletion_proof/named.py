"""Finding users' ids in bytes: archived records, plans, messages."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A shorter id may be a part of something else; in front of longer ones a binary format's length may look like a letter.
LONG_ENOUGH = 32
_NO_ID = rb"[0-9A-Za-z_-]"


class Named:
    """Which of some users stand in a text."""

    def __init__(self, users: Sequence[str]) -> None:
        self._pattern = re.compile(b"|".join(_sought(user) for user in sorted(users, key=len, reverse=True)))
        self._any = bool(users)

    def in_bytes(self, content: bytes) -> frozenset[str]:
        """The users that the content names."""
        if not self._any:
            return frozenset()
        return frozenset(found[0].decode() for found in self._pattern.finditer(content))


def _sought(user: str) -> bytes:
    user_id = re.escape(user.encode(errors="replace"))
    if len(user) >= LONG_ENOUGH:
        return user_id
    return rb"(?<!%b)%b(?!%b)" % (_NO_ID, user_id, _NO_ID)
