"""What earlier plans of a micro-batch have come to, for its reruns: kept as units of work."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from lern_pipeline.events.record import Position

ISSUED, FAILED = "issued", "failed"


class History:
    """Made of the units that earlier plans have counted."""

    def __init__(self, counted: Iterable[str] = ()) -> None:
        self._issued: dict[str, list[str]] = defaultdict(list)
        self._failures: Counter[str] = Counter()
        for unit in sorted(counted):
            kind, what, rest = unit.split("|", 2)
            if kind == ISSUED:
                self._issued[what].append(rest)
            else:
                self._failures[what] += 1

    def issued(self, position: Position) -> list[str]:
        """Ids of the certificates that the event there was given."""
        return self._issued.get(str(position), [])

    def failures(self, position: Position, index: int) -> int:
        """How often the event's certificate of that number has failed: a rerun tries it again."""
        return self._failures[f"{position}.{index}"]

    def failure_unit(self, position: Position, index: int) -> str:
        """The unit of one failure more."""
        return f"{FAILED}|{position}.{index}|{self.failures(position, index) + 1}"


def issued_unit(position: Position, certificate_id: str) -> str:
    """The unit of a certificate that the event there was given."""
    return f"{ISSUED}|{position}|{certificate_id}"
