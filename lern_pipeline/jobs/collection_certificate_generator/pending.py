"""What a plan keeps of the requests while their certificates are made, as plain data."""

from __future__ import annotations

from typing import Any

import msgspec

from lern_pipeline.conversion import converted
from lern_pipeline.events.record import Position
from lern_pipeline.jobs.certificates.request import CertificateRequest


class Requested(msgspec.Struct):
    """A request, where it stands in the topic, and since when (epoch milliseconds)."""

    at: tuple[int, int]
    timestamp: int
    request: CertificateRequest
    notify_template: str | None = None

    @property
    def position(self) -> Position:
        return Position(*self.at)


class EnrolmentWork(msgspec.Struct):
    """All requests of one enrolment in their order, and what it held before."""

    requested: list[Requested]
    issued: list[dict[str, str]]
    completed_on: int | None = None


class Pending(msgspec.Struct):
    """Of a whole micro-batch."""

    enrolments: list[EnrolmentWork]

    def plain(self) -> dict[str, Any]:
        """As a plan stores it."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def pending_of(plain: dict[str, Any]) -> Pending:
    """What :meth:`Pending.plain` gave."""
    return converted(plain, Pending)
