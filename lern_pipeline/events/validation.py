"""What validating one event can end with, besides work to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Cassandra refuses partition keys above 65,535 bytes; two ids and their separators fit below that.
LONGEST_ID_BYTES = 32_000


@dataclass(frozen=True, slots=True)
class Skip:
    """The event is not for this job, or asks for nothing. ``reason`` is a short phrase that is counted.

    ``error``: a failed record is written all the same, with this text and ``code`` in ``failInfo`` (the merge's
    invalid events; contract merge-user-courses D4).
    """

    reason: str
    error: str | None = None
    code: str = "DATA_ERROR"


class InvalidEvent(ValueError):
    """The event cannot be used as it is: it goes to the failed topic alone.

    ``reason`` names the member and what is wrong with it, never its value; ``code`` is
    ``failInfo.errorCode`` (decisions 11). ``error``: what the failed record says, where the
    contract's text has the value.
    """

    def __init__(self, reason: str, code: str = "INVALID_DATA", error: str | None = None) -> None:
        self.reason = reason
        self.code = code
        self.error = reason if error is None else error
        super().__init__(reason)


def required_id(members: dict[str, Any], name: str, where: str = "edata") -> str:
    """The id under ``name``, verbatim (decisions 4).

    Raises:
        InvalidEvent: missing, null, not a string, blank, or longer than a key may be.
    """
    value = members.get(name)
    if value is None:
        raise InvalidEvent(f"{where}.{name} is missing")
    if not isinstance(value, str):
        raise InvalidEvent(f"{where}.{name} is not a string")
    return checked_id(value, f"{where}.{name}")


def checked_id(value: str, what: str) -> str:
    """``value`` if it can be a key.

    Raises:
        InvalidEvent: blank, or longer than a key may be.
    """
    if not value.strip():
        raise InvalidEvent(f"{what} is blank")
    if len(value) * 4 > LONGEST_ID_BYTES and len(value.encode()) > LONGEST_ID_BYTES:
        raise InvalidEvent(f"{what} is longer than {LONGEST_ID_BYTES} bytes")
    return value
