"""Texts and lists of the events, and what becomes of events that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from lern_pipeline.events.validation import InvalidEvent, Skip

Work = TypeVar("Work")


def member_at(event: dict[str, Any], path: str) -> Any:
    """What stands at the dotted path; None where it or any object above it is missing."""
    value: Any = event
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_at(event: dict[str, Any], path: str) -> str:
    """The text at the path, verbatim; empty where there is none (contracts ml-user-delete 2, ml-transfer-ownership 2).

    Raises:
        InvalidEvent: it is no text.
    """
    value = member_at(event, path)
    return "" if value is None else a_text(value, path)


def a_text(value: Any, what: str) -> str:
    """``value`` as it is.

    Raises:
        InvalidEvent: it is no text.
    """
    if not isinstance(value, str):
        raise InvalidEvent(f"{what} is not a string")
    return value


def parking(validate: Callable[[dict[str, Any]], Work | Skip]) -> Callable[[dict[str, Any]], Work | Skip]:
    """``validate`` with the end that the contracts give invalid events: skipped, and told of on the failed topic
    (section 6 of both)."""

    @wraps(validate)
    def parked(event: dict[str, Any]) -> Work | Skip:
        try:
            return validate(event)
        except InvalidEvent as error:
            return Skip(error.reason, error=error.reason, code=error.code)

    return parked
