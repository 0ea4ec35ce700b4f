"""A seeded workload of assessments: courses with question sets, learners of whom every other has tried before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec

from lern_pipeline.microbatch.plan import CacheWrites, ReplaceSet, RowWrites
from lern_pipeline.settings import JobSettings

COURSES = 10
ASSESSMENTS_PER_COURSE = 3
QUESTIONS = 10
BATCHES_PER_COURSE = 5
STARTED_MS = 1_717_400_000_000


class AssessmentsWorkload:
    """``events`` attempts by learners who each make ``events_per_learner`` of them, in random order.

    The same seed makes the same workload; ``token`` stands in every id.
    """

    def __init__(self, events: int, events_per_learner: int, seed: int, token: str) -> None:
        self._random = random.Random(seed)
        self._token = token
        learners = max(events // events_per_learner, 1)
        self.learners = [self._learner(number) for number in range(learners)]
        self._turns = [number % learners for number in range(events)]
        self._random.shuffle(self._turns)

    @property
    def about(self) -> str:
        return f"{len(self.learners)} learners"

    def _learner(self, number: int) -> tuple[str, str, str, str]:
        """User, course, batch, content."""
        course = self._random.randrange(COURSES)
        batch = self._random.randrange(BATCHES_PER_COURSE)
        content = self._random.randrange(ASSESSMENTS_PER_COURSE)
        course_id = self._course(course)
        return (
            f"user-{self._token}-{number}",
            course_id,
            f"batch-{self._token}-{course}-{batch}",
            _of(course_id, content),
        )

    def _course(self, number: int) -> str:
        return f"do_{self._token}_{number}"

    def messages(self) -> Iterator[tuple[bytes | None, bytes]]:
        """The events, without a key as the LMS sends them."""
        for turn, learner in enumerate(self._turns):
            user_id, course_id, batch_id, content_id = self.learners[learner]
            event = {
                "assessmentTs": STARTED_MS + turn,
                "batchId": batch_id,
                "courseId": course_id,
                "userId": user_id,
                "attemptId": f"attempt-{turn}",
                "contentId": content_id,
                "events": [self._answer(question, turn) for question in range(QUESTIONS)],
            }
            yield None, msgspec.json.encode(event)

    def _answer(self, question: int, turn: int) -> dict[str, Any]:
        options = [{"1": '{"text":"<p>One</p>"}'}, {"2": '{"text":"<p>Two</p>"}'}, {"answer": {"correct": ["1"]}}]
        chosen = self._random.randrange(2)
        return {
            "eid": "ASSESS",
            "ets": STARTED_MS + turn + question,
            "ver": "3.1",
            "actor": {"id": self.learners[self._turns[turn]][0], "type": "User"},
            "edata": {
                "item": {
                    "id": f"do_{self._token}_q{question}",
                    "maxscore": 1,
                    "type": "mcq",
                    "title": f"Question {question} of the assessment",
                    "desc": "",
                    "params": options,
                    "exlength": 0,
                },
                "index": question + 1,
                "pass": "Yes" if chosen == 0 else "No",
                "score": 1 - chosen,
                "resvalues": [{str(chosen + 1): {"text": "<p>One</p>"}}],
                "duration": self._random.randrange(1, 60),
            },
        }

    def caches(self, settings: JobSettings) -> Iterator[CacheWrites]:
        """Leaf nodes of all courses."""
        courses = [self._course(number) for number in range(COURSES)]
        yield CacheWrites(
            "redis-meta",
            settings.integer("redis.database.relationCache.id"),
            [
                [
                    ReplaceSet(
                        f"{course}:{course}:leafnodes",
                        tuple(_of(course, content) for content in range(ASSESSMENTS_PER_COURSE)),
                    )
                    for course in courses
                ]
            ],
        )

    def stored_rows(self, keyspace: str, write_time_us: int) -> Iterator[RowWrites]:
        """An earlier attempt of every other learner."""
        yield RowWrites(
            f"{keyspace}.assessment_aggregator",
            key=("user_id", "course_id", "batch_id", "content_id", "attempt_id"),
            set=("last_attempted_on", "created_on", "updated_on", "total_score", "total_max_score", "grand_total"),
            rows=[
                [*learner, "attempt-before", *[STARTED_MS - 1] * 3, 5.0, 10.0, "5.0/10.0", write_time_us]
                for learner in self.learners[::2]
            ],
        )


def _of(course_id: str, content: int) -> str:
    return f"{course_id}_a{content}"
