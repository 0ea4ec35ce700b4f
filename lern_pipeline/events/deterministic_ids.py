"""Ids that a repeated batch makes again: UUIDv5 of job, topic, position and purpose."""

from __future__ import annotations

from uuid import UUID, uuid5

from lern_pipeline.events.record import Position

NAMESPACE = UUID("6f2f6a0e-6d0a-5d6c-9d4e-0c2f3f1b7a51")


class IdMaker:
    """Makes the ids of one job's messages; byte-identical for the same event and purpose."""

    __slots__ = ("_prefix",)

    def __init__(self, job: str, topic: str) -> None:
        self._prefix = f"{job}|{topic}|"

    def make(self, position: Position, purpose: str) -> str:
        """A UUID as text. ``purpose`` tells apart the ids that one event gives rise to."""
        return str(uuid5(NAMESPACE, f"{self._prefix}{position.partition}|{position.offset}|{purpose}"))
