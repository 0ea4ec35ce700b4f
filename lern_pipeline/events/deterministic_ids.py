"""Ids that a repeated batch makes again: UUIDv5 of job, topic, position and purpose."""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID

from lern_pipeline.events.record import Position

NAMESPACE = UUID("6f2f6a0e-6d0a-5d6c-9d4e-0c2f3f1b7a51")

_NAMESPACE_BYTES = NAMESPACE.bytes
# RFC 4122: the two highest bits of this digit are 10.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class IdMaker:
    """Makes the ids of one job's messages; byte-identical for the same event and purpose."""

    __slots__ = ("_prefix",)

    def __init__(self, job: str, topic: str) -> None:
        self._prefix = f"{job}|{topic}|"

    def make(self, position: Position, purpose: str) -> str:
        """A UUID as text. ``purpose`` tells apart the ids that one event gives rise to."""
        return uuid5_text(f"{self._prefix}{position.partition}|{position.offset}|{purpose}")


def uuid5_text(name: str) -> str:
    """``str(uuid.uuid5(NAMESPACE, name))``, without the object: an event needs several and this is a third of it."""
    digest = sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANT[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"
