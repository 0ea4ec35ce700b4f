"""Who takes part in the demo."""

from __future__ import annotations

from dataclasses import dataclass

from lern_pipeline.local.demo.course import Course, sample_course
from lern_pipeline.local.demo.learners import account_merged_away, completes, learner_ids


@dataclass
class Cast:
    """The course, its learners, and the one of them who is shown. ``finishers``: who completes the course; the merge of
    two accounts adds one."""

    run: str
    course: Course
    learners: list[str]
    finishers: list[str]

    @classmethod
    def of(cls, run: str) -> Cast:
        """Of one demo; ``run`` is part of every id."""
        course, learners = sample_course(run), learner_ids(run)
        return cls(run, course, learners, [user for number, user in enumerate(learners) if completes(course, number)])

    @property
    def hero(self) -> str:
        return self.learners[0]

    @property
    def leaver(self) -> str:
        """Who does not complete the course, and leaves."""
        merged = account_merged_away(self.run)
        return next(user for user in reversed(self.learners) if user not in self.finishers and user != merged)
