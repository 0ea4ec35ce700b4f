"""How many questions a content has (contract assessment-aggregator 4.1, D8). Pure."""

from __future__ import annotations

import re

from lern_pipeline.events.lenient_json import InvalidJson, parse_lenient
from lern_pipeline.microbatch.job import Failure
from lern_pipeline.microbatch.service_readers import ContentAnswer, ContentUnusable
from lern_pipeline.microbatch.stores import WrongType

_INTEGER_TEXT = re.compile(r"[+-]?[0-9]{1,19}")
_SMALLEST_INT, _LARGEST_INT = -(2**31), 2**31 - 1


def cached_total(cached: str | WrongType | None) -> int | Failure:
    """Of the content cache; 0 where it does not tell, and then the content service is asked."""
    if cached is WrongType.WRONG_TYPE:
        return Failure("the cached content is not a text")
    if not cached:
        return 0
    try:
        content = parse_lenient(cached)
    except InvalidJson:
        content = None
    if not isinstance(content, dict):
        return Failure("the cached content is not a JSON object")
    found: object = None
    for name, value in content.items():
        # Of several spellings the last one counts; empty texts are as absent (platform contract 6.3).
        if value != "" and name.lower().replace("_", "") == "totalquestions":
            found = value
    if isinstance(found, bool):
        return 0
    if isinstance(found, (int, float)):
        return int(found)
    if isinstance(found, str) and _INTEGER_TEXT.fullmatch(found):
        total = int(found)
        return total if _SMALLEST_INT <= total <= _LARGEST_INT else 0
    return 0


def says_ok(answer: ContentAnswer | ContentUnusable) -> bool:
    """Whether the content service knows the content."""
    return isinstance(answer, ContentAnswer) and answer.accepted and answer.response_code.lower() == "ok"


def answered_total(content_id: str, answer: ContentAnswer | ContentUnusable) -> int | Failure | None:
    """Of the content service; None where it does not know, and then nothing is compared (D7, D8)."""
    if not isinstance(answer, ContentAnswer) or not says_ok(answer):
        why = f"; {answer.reason}" if isinstance(answer, ContentUnusable) else ""
        error = f"Failed to fetch the content meta for the content ID: {content_id}{why}"
        return Failure("the content could not be read", error=error)
    total = answer.total_questions
    if total is None:
        return None
    if isinstance(total, int) and not isinstance(total, bool):
        return total
    if isinstance(total, float) and total.is_integer():
        return int(total)
    if isinstance(total, str) and _INTEGER_TEXT.fullmatch(total):
        return int(total)
    return Failure("totalQuestions of the content is not an integer")
