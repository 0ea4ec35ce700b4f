"""The learners' answers to the course's assessment, as the LMS sends them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from lern_pipeline.local.demo.course import Course
from lern_pipeline.local.demo.learners import Outcome, SampleEvent, contents_of, learner_ids

#: Question → what its answer is worth.
QUESTIONS = {"q1": 1.0, "q2": 1.0, "q3": 2.0}
TITLES = {"q1": "Which number comes next?", "q2": "How many apples?", "q3": "Plan the first minutes of a lesson"}
#: Every so many learners try once more.
AGAIN_EVERY = 4


@dataclass(slots=True)
class Assessments:
    """The events, and what the attempts come to."""

    events: list[SampleEvent] = field(default_factory=list)
    #: Learner → scores of the attempts, in order.
    scores: dict[str, list[float]] = field(default_factory=dict)


def assessments(course: Course, run: str, now_ms: int, questions_are_counted: bool) -> Assessments:
    """The attempts of all learners who come as far as the assessment, and some records that no attempt comes of.

    Args:
        questions_are_counted: whether the job compares the number of questions with the content's.
    """
    found = Assessments()
    content_id = course.assessment.id
    for number, user_id in enumerate(learner_ids(run)):
        if content_id not in contents_of(course, number):
            continue
        attempts = 2 if number % AGAIN_EVERY == 0 else 1
        for attempt in range(attempts):
            # The second time they know.
            right = [question for position, question in enumerate(QUESTIONS) if attempt or (number + position) % 3]
            answers = [
                _answer(question, question in right, now_ms + position) for position, question in enumerate(QUESTIONS)
            ]
            event = _event(course, user_id, content_id, f"{user_id}-{attempt + 1}", now_ms + attempt * 60_000, answers)
            found.events.append(SampleEvent(None, _json(event)))
            found.scores.setdefault(user_id, []).append(sum(QUESTIONS[question] for question in right))
    someone = next(iter(found.scores))
    whole = found.events[-1]
    found.events += _useless(course, someone, now_ms, whole.value, questions_are_counted)
    return found


def _useless(course: Course, user_id: str, now_ms: int, whole: bytes, questions_are_counted: bool) -> list[SampleEvent]:
    elsewhere = _event(course, user_id, "do_of_another_course", "elsewhere", now_ms, [_answer("q1", True, now_ms)])
    events = [
        SampleEvent(None, whole, Outcome("skipped", "sent again")),
        SampleEvent(None, whole[: len(whole) // 2], Outcome("failed", "cut off")),
        SampleEvent(None, _json(elsewhere), Outcome("failed", "content not in the course")),
    ]
    if questions_are_counted:
        answers = [_answer(question, True, now_ms) for question in (*QUESTIONS, "q4")]
        many = _event(course, user_id, course.assessment.id, "too-many", now_ms, answers)
        events.append(SampleEvent(None, _json(many), Outcome("failed", "more questions than the content has")))
    return events


def _event(
    course: Course, user_id: str, content_id: str, attempt_id: str, time_ms: int, answers: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "assessmentTs": time_ms,
        "batchId": course.batch_id,
        "courseId": course.id,
        "userId": user_id,
        "attemptId": attempt_id,
        "contentId": content_id,
        "events": answers,
    }


def _answer(question: str, right: bool, time_ms: int) -> dict[str, Any]:
    worth = QUESTIONS.get(question, 1.0)
    return {
        "eid": "ASSESS",
        "ets": time_ms,
        "edata": {
            "item": {
                "id": question,
                "maxscore": worth,
                "type": "mcq",
                "title": TITLES.get(question, "One more"),
                "desc": "",
                "params": [{"1": '{"text":"One"}'}, {"2": '{"text":"Two"}'}, {"answer": {"correct": ["1"]}}],
            },
            "pass": "Yes" if right else "No",
            "score": worth if right else 0,
            "resvalues": [{"1" if right else "2": {"text": "One" if right else "Two"}}],
            "duration": 12,
        },
    }


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
