"""What an HTTP service answers."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Answer:
    """``content`` is empty where it could not be read, for example because it is not compressed the way its header
    says."""

    status: int
    content: bytes

    def json(self) -> object:
        """The body's JSON; None where it is none."""
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def member(self, *path: str) -> object:
        """As :func:`member`, of the body."""
        return member(self.json(), *path)

    def says(self, text: str) -> bool:
        """Whether the text stands anywhere in the body."""
        return text.encode() in self.content


def member(value: object, *path: str) -> object:
    """What stands at the path of member names; None where a level of it is missing, null or no object."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
