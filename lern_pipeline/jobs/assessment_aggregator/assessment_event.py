"""What an event asks for (contract assessment-aggregator 2, 4). Pure.

Only ``courseId`` and ``contentId`` are needed to see whether the content belongs to the course, and that is decided
first: an event of a foreign content goes on as it is, whatever else is wrong with it. So the other errors are kept
as a :class:`Refusal` until its turn comes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lern_pipeline.events.validation import InvalidEvent
from lern_pipeline.jobs.assessment_aggregator.answers import Question, epoch_ms, latest_answers, question, totals
from lern_pipeline.jobs.assessment_aggregator.failed_events import AGGREGATE

# Cassandra takes 65,535 bytes of partition key and as many of clustering columns; any key here is made of these ids.
LONGEST_IDS_BYTES = 65_000


class AggregateKey(NamedTuple):
    """A learner in a batch of a course: what scores are aggregated over (9)."""

    user_id: str
    course_id: str
    batch_id: str


class Attempt(NamedTuple):
    """Answers to store. ``redo_aggregates``: a kind-D event fed in again, whose aggregates are still to do (D4)."""

    aggregate: AggregateKey
    attempt_id: str
    assessment_ts: int
    questions: list[Question]
    total_score: float
    total_max_score: float
    redo_aggregates: bool


class Recompute(NamedTuple):
    """A request to compute the aggregates again: an event without answers."""

    aggregate: AggregateKey


class Refusal(NamedTuple):
    """The event cannot be used; ``kind`` as :attr:`lern_pipeline.microbatch.job.Failure.kind`."""

    reason: str
    code: str
    kind: str = ""


class AssessmentEvent(NamedTuple):
    """An event whose course and content can be read.

    ``unique_questions``: to compare with the content's; None where there are none, or where reading them failed.
    """

    course_id: str
    content_id: str
    unique_questions: int | None
    asks_for: Attempt | Recompute | Refusal


def assessment_event(members: dict[str, Any]) -> AssessmentEvent:
    """What the event asks for.

    Raises:
        InvalidEvent: ``courseId`` or ``contentId`` is not a text (kind C).
    """
    course_id, content_id = _id(members, "courseId"), _id(members, "contentId")
    events = members.get("events")
    if events is None or events == []:
        try:
            return AssessmentEvent(course_id, content_id, None, Recompute(_aggregate_key(members, content_id)))
        except InvalidEvent as error:
            # The existing job finds out in stage 2: kind D.
            return AssessmentEvent(course_id, content_id, None, Refusal(error.reason, error.code, AGGREGATE))
    unique_questions: int | None = None
    try:
        answers = latest_answers(events)
        unique_questions = len(answers)
        total_score, total_max_score = totals(answers)
        attempt_id = _id(members, "attemptId")
        attempt = Attempt(
            _aggregate_key(members, content_id + attempt_id),
            attempt_id,
            epoch_ms(members.get("assessmentTs"), "assessmentTs"),
            [question(answer) for answer in answers],
            total_score,
            total_max_score,
            _failed_in_stage_2(members),
        )
    except InvalidEvent as error:
        return AssessmentEvent(course_id, content_id, unique_questions, Refusal(error.reason, error.code))
    return AssessmentEvent(course_id, content_id, unique_questions, attempt)


def _aggregate_key(members: dict[str, Any], other_ids: str) -> AggregateKey:
    key = AggregateKey(_id(members, "userId"), _id(members, "courseId"), _id(members, "batchId"))
    ids = other_ids + "".join(key)
    if len(ids) * 4 > LONGEST_IDS_BYTES and len(ids.encode()) > LONGEST_IDS_BYTES:
        raise InvalidEvent(f"the ids together are longer than {LONGEST_IDS_BYTES} bytes")
    return key


def _id(members: dict[str, Any], name: str) -> str:
    """Verbatim; here an empty text is an id too (2.3)."""
    value = members.get(name)
    if value is None:
        raise InvalidEvent(f"{name} is missing")
    if not isinstance(value, str):
        raise InvalidEvent(f"{name} is not a text")
    return value


def _failed_in_stage_2(members: dict[str, Any]) -> bool:
    metadata = members.get("metadata")
    return isinstance(metadata, dict) and metadata.get("stage") == AGGREGATE
