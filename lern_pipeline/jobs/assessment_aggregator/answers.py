"""The answers of one attempt: typing, the latest answer per question, scores, questions as they are stored
(contract assessment-aggregator 2.3, 5). Pure."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from lern_pipeline.events.validation import InvalidEvent
from lern_pipeline.jobs.assessment_aggregator.java_text import java_double, json_text

# What Cassandra's timestamps can hold.
EARLIEST_MS, LATEST_MS = -(2**63), 2**63 - 1

_NUMBER_TEXT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BLANKS = "".join(map(chr, range(0x21)))

Maps = list[dict[str, Any] | None]


class Answer(NamedTuple):
    """One typed element of ``events``. ``resvalues``, ``params`` None: absent, an error only in a kept answer."""

    question_id: str | None
    ets: int
    score: float
    max_score: float
    duration: float
    type: str | None
    title: str | None
    description: str | None
    resvalues: Maps | None
    params: Maps | None


class Question(NamedTuple):
    """A question as it is stored, under the field names of the user-defined type (3.2)."""

    id: str | None
    assess_ts: int
    max_score: float
    score: float
    type: str | None
    title: str | None
    resvalues: list[dict[str, str]]
    params: list[dict[str, str]]
    description: str | None
    duration: str


def latest_answers(events: object) -> list[Answer]:
    """Per question id the answer with the greatest ``ets``, the first of equal ones; ascending by ``ets``, then id.

    The existing job's order is its hash order; this one makes the sums of a repeated batch come out the same.

    Raises:
        InvalidEvent: any element is not what 2.3 asks for; one bad element fails the whole event.
    """
    if not isinstance(events, list):
        raise InvalidEvent("events is not an array")
    kept: dict[str | None, Answer] = {}
    for element in events:
        answer = _answer(element)
        known = kept.get(answer.question_id)
        if known is None or answer.ets > known.ets:
            kept[answer.question_id] = answer
    return sorted(kept.values(), key=lambda answer: (answer.ets, answer.question_id or ""))


def question(answer: Answer) -> Question:
    """The question as it is stored.

    Raises:
        InvalidEvent: a kept answer without ``resvalues`` or ``params``, or with a null element in them.
    """
    return Question(
        id=answer.question_id,
        assess_ts=answer.ets,
        max_score=answer.max_score,
        score=answer.score,
        type=answer.type,
        title=answer.title,
        resvalues=_text_maps(answer.resvalues, "resvalues"),
        params=_text_maps(answer.params, "item.params"),
        description=answer.description,
        # The decimal of the double's shortest text.
        duration=repr(answer.duration),
    )


def totals(answers: list[Answer]) -> tuple[float, float]:
    """Σ score and Σ maxscore, plain doubles, not rounded.

    Raises:
        InvalidEvent: a sum beyond the doubles; no reader could use it (D25).
    """
    score = max_score = 0.0
    # Not sum(): newer Pythons compensate what plain doubles lose.
    for answer in answers:
        score += answer.score
        max_score += answer.max_score
    if not (math.isfinite(score) and math.isfinite(max_score)):
        raise InvalidEvent("the sum of the scores is too large")
    return score, max_score


def epoch_ms(value: object, what: str) -> int:
    """A JSON integer as time (D15: of any size that a timestamp has; null is as absent).

    Raises:
        InvalidEvent: absent, a decimal, a text…
    """
    if value is None:
        raise InvalidEvent(f"{what} is missing")
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidEvent(f"{what} is not an integer")
    if not EARLIEST_MS <= value <= LATEST_MS:
        raise InvalidEvent(f"{what} is out of range")
    return value


def _answer(element: object) -> Answer:
    if not isinstance(element, dict):
        raise InvalidEvent("an element of events is not an object")
    edata = _object(element, "edata", "edata")
    item = _object(edata, "item", "edata.item")
    return Answer(
        question_id=_as_text(item, "id"),
        ets=epoch_ms(element.get("ets"), "events[].ets"),
        score=_number(edata.get("score"), "score"),
        max_score=_number(item.get("maxscore"), "item.maxscore"),
        duration=_number(edata.get("duration"), "duration"),
        type=_as_text(item, "type"),
        title=_as_text(item, "title"),
        description=_as_text(item, "desc"),
        resvalues=_maps(edata.get("resvalues"), "resvalues"),
        params=_maps(item.get("params"), "item.params"),
    )


def _object(members: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    value = members.get(name)
    if not isinstance(value, dict):
        raise InvalidEvent(f"events[].{where} is {'missing' if value is None else 'not an object'}")
    return value


def _number(value: object, what: str) -> float:
    """A number, or a text that is one; absent counts as 0."""
    if value is None:
        return 0.0
    if isinstance(value, str):
        text = value.strip(_BLANKS)
        number = float(text) if _NUMBER_TEXT.fullmatch(text) else math.nan
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    else:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidEvent(f"events[].edata.{what} is not a number")
    return number


def _as_text(item: dict[str, Any], name: str) -> str | None:
    """A text; a number or boolean as its text."""
    value = item.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return java_double(value)
    if isinstance(value, int):
        # Python itself writes no more than 4,300 digits.
        return str(value) if value.bit_length() < 10_000 else _refuse(f"item.{name} has too many digits")
    return _refuse(f"item.{name} is not a text")


def _refuse(why: str) -> str:
    raise InvalidEvent(f"events[].edata.{why}")


def _maps(value: object, what: str) -> Maps | None:
    """An array of objects. Absent, and null among its elements, is an error only in an answer that is kept."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise InvalidEvent(f"events[].edata.{what} is not an array")
    for element in value:
        if element is not None and not isinstance(element, dict):
            raise InvalidEvent(f"an element of events[].edata.{what} is not an object")
    return value


def _text_maps(maps: Maps | None, what: str) -> list[dict[str, str]]:
    if maps is None:
        raise InvalidEvent(f"events[].edata.{what} is missing")
    texts = []
    for members in maps:
        if members is None:
            raise InvalidEvent(f"an element of events[].edata.{what} is not an object")
        try:
            texts.append(
                {
                    name: value if isinstance(value, str) else json_text(value)
                    for name, value in members.items()
                    if value is not None
                }
            )
        except OverflowError:
            raise InvalidEvent(f"a number in events[].edata.{what} is too large") from None
        except RecursionError:
            raise InvalidEvent(f"events[].edata.{what} is nested too deeply") from None
    return texts
