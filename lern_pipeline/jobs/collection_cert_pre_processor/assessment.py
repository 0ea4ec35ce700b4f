"""Assessment criteria (contract collection-cert-pre-processor 5.4, D4, D8, D16). Pure."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lern_pipeline.jobs.collection_cert_pre_processor.refusal import INVALID_TEMPLATE, Refused
from lern_pipeline.jobs.collection_cert_pre_processor.template import Template

SCORE = "score:"

#: Other names, those that the LMS documents among them, never hold (D16).
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "EQ": operator.eq,
    "eq": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "ne": operator.ne,
    "!=": operator.ne,
}

_NUMBER = re.compile(r"\s*[+-]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})\s*")


@dataclass(frozen=True, slots=True)
class Assessed:
    """The learner meets the criteria. ``percents``: by content, where there are criteria and the template wants
    them."""

    percents: Mapping[str, float] | None = None


def percents(aggregates: Mapping[str, float | None] | None, agg: Mapping[str, int | None] | None) -> dict[str, float]:
    """Best score of each content in per cent of its maximum; ``aggregates`` win over ``agg``."""
    merged = {name: value for name, value in (agg or {}).items() if value is not None}
    scores: dict[str, float] = merged | {n: value for n, value in (aggregates or {}).items() if value is not None}
    found = {}
    for name in scores:
        if name.startswith(SCORE):
            content_id = name.replace(SCORE, "")
            found[content_id] = _percent(
                float(scores.get(SCORE + content_id, 0.0)), float(scores.get(f"max_score:{content_id}", 1.0))
            )
    return found


def _percent(score: float, maximum: float) -> float:
    """A maximum of 0 gives 0 (D8)."""
    if not maximum > 0:
        return 0.0
    percent = score * 100 / maximum
    return percent if math.isfinite(percent) else 0.0


def assessed(template: Template, kept: Mapping[str, float]) -> Assessed | None:
    """What the criteria make of the contents that count; None: not met.

    Raises:
        Refused: a score to compare with that is no number.
    """
    if not template.assessment_criteria:
        return Assessed()
    # A learner without attempts has 0, and passes `<`, `<=` and `!=` with it.
    best = max(kept.values(), default=0.0)
    if not meets(template.assessment_criteria.get("score"), best):
        return None
    return Assessed(dict(kept) if "score" in template.additional["assessment"] else None)


def meets(criterion: object, best: float) -> bool:
    """Whether all operators hold; a bare number means equality (D4).

    Raises:
        Refused: of another shape.
    """
    if criterion is None or criterion == {}:
        return False
    if not isinstance(criterion, dict):
        return best == _number(criterion)
    # Operators that never hold are not looked at any closer.
    return all(name in OPERATORS and OPERATORS[name](best, _number(operand)) for name, operand in criterion.items())


def _number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    raise Refused(INVALID_TEMPLATE, "criteria.assessment.score of a template is compared with what is no number")
