"""A learner's enrolment in a batch of a course."""

from __future__ import annotations

from typing import NamedTuple


class EnrolmentKey(NamedTuple):
    """A learner's enrolment: all that is read and written together."""

    user_id: str
    course_id: str
    batch_id: str


class StoredEnrolment(NamedTuple):
    """What is looked at of a row of ``user_enrolments``; a null status counts as 0."""

    status: int

    @property
    def is_completed(self) -> bool:
        return self.status == 2
