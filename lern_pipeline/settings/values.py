"""From what a file or the environment holds to a variable's value.

Numbers and booleans may be quoted (platform contract 13.3); lists may be written as JSON or with commas.
"""

from __future__ import annotations

import json
import math
import re

from lern_pipeline.settings.variable import Value, Variable

_INTEGER = re.compile(r"[+-]?\d+(\.0+)?")
_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off"})


class UnusableValue(Exception):
    """Carries what was expected; who catches it knows the setting and the place."""


def value_of(variable: Variable, raw: object) -> Value:
    """The value that `raw` means for `variable`; None: as good as not set.

    Raises UnusableValue, with what was expected.
    """
    if _is_blank(raw) and (variable.blank_is_default or variable.default in (None, "", ())):
        return variable.default
    if variable.not_needed:
        return str(raw).lower() if isinstance(raw, bool) else str(raw)
    match variable.kind:
        case "text":
            return _text(variable, raw)
        case "texts":
            return _texts(raw)
        case "integer":
            return _in_range(variable, _integer(raw))
        case "number":
            return _in_range(variable, _number(raw))
        case "flag":
            return _flag(raw)


def _is_blank(raw: object) -> bool:
    return isinstance(raw, str) and not raw.strip()


def _text(variable: Variable, raw: object) -> str:
    value = ",".join(map(_scalar, raw)) if isinstance(raw, list | tuple) else _scalar(raw)
    if not value.strip():
        raise UnusableValue("a text that is not blank")
    if variable.choices:
        for choice in variable.choices:
            if value.strip().lower() == choice.lower():
                return choice
        raise UnusableValue("one of " + ", ".join(variable.choices))
    return value


def _scalar(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, dict | list | tuple):
        raise UnusableValue("a text")
    return str(raw)


def _texts(raw: object) -> tuple[str, ...]:
    if isinstance(raw, str):
        if raw.lstrip().startswith("["):
            try:
                raw = json.loads(raw)
            except ValueError:
                raise UnusableValue("a list of texts") from None
        else:
            raw = raw.split(",")
    if not isinstance(raw, list | tuple):
        raw = [raw]
    return tuple(item for item in (_scalar(item).strip() for item in raw) if item)


def _integer(raw: object) -> int:
    if isinstance(raw, float) and raw.is_integer():
        return int(raw)
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and _INTEGER.fullmatch(raw.strip()):
        return int(raw.strip().partition(".")[0])
    raise UnusableValue("a whole number")


def _number(raw: object) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        value = float(raw)
    elif isinstance(raw, str) and "_" not in raw:
        try:
            value = float(raw)
        except ValueError:
            raise UnusableValue("a number") from None
    else:
        raise UnusableValue("a number")
    if not math.isfinite(value):
        raise UnusableValue("a finite number")
    return value


def _in_range(variable: Variable, value: float) -> float:
    low, high = variable.minimum, variable.maximum
    if low is not None and high is not None and not low <= value <= high:
        raise UnusableValue(f"a number from {low:g} to {high:g}")
    if low is not None and value < low:
        raise UnusableValue(f"a number that is at least {low:g}")
    return value


def _flag(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        word = raw.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    raise UnusableValue("true or false")
