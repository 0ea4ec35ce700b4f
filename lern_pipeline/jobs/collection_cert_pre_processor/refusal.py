"""Why a template cannot be evaluated for a learner: the event fails, its other templates do not (contract
collection-cert-pre-processor 9, D9)."""

from __future__ import annotations

from dataclasses import dataclass

INVALID_TEMPLATE = "INVALID_TEMPLATE"
INVALID_DATA = "INVALID_DATA"
ERR_API_CALL = "ERR_API_CALL"
SYSTEM_ERROR = "SYSTEM_ERROR"


@dataclass(frozen=True, slots=True)
class Refusal:
    """``reason`` is counted; ``error`` is what the failed record says, where that is more."""

    code: str
    reason: str
    error: str = ""

    @property
    def told(self) -> str:
        return self.error or self.reason


class Refused(ValueError):
    """Raised where a step finds that it cannot go on."""

    def __init__(self, code: str, reason: str, error: str = "") -> None:
        self.refusal = Refusal(code, reason, error)
        super().__init__(self.refusal.told)
