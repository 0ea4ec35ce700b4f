"""The learners of the sample course: who completes what, and the events that the LMS sends about it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lern_pipeline.local.demo.course import COLLECTION, Course

LEARNERS = 40
#: The first wave takes every learner this far.
CONTENTS_OF_FIRST_WAVE = 3
IN_PROGRESS, COMPLETED = 1, 2
#: Number of the learner whose account is merged into another one.
MERGED_AWAY = 8

_NAMES = ("asha", "bilal", "chitra", "dev", "esha", "farid", "gita", "hari", "indu", "jaya")


class Outcome(NamedTuple):
    """What becomes of an event in the account of its micro-batch."""

    name: str
    why: str = ""


PROCESSED = Outcome("processed")


class SampleEvent(NamedTuple):
    """A record to publish and what must become of it."""

    key: str | None
    value: bytes
    outcome: Outcome = PROCESSED


class ContentState(NamedTuple):
    """A row of ``user_content_consumption`` as far as it is the LMS's."""

    user_id: str
    content_id: str
    status: int


@dataclass(slots=True)
class Wave:
    """What happens at a time: the LMS's rows, then its events."""

    states: list[ContentState] = field(default_factory=list)
    events: list[SampleEvent] = field(default_factory=list)

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(event.outcome.name for event in self.events)


def learner_ids(run: str) -> list[str]:
    return [f"{_NAMES[number % len(_NAMES)]}-{number + 1:02d}-{run}" for number in range(LEARNERS)]


def contents_of(course: Course, number: int) -> list[str]:
    """What learner ``number`` completes, in order. Three of five complete the course, every other one with the
    optional content; the rest stops on the way."""
    if number % 5 >= 3:
        return [content.id for content in course.required][: CONTENTS_OF_FIRST_WAVE + number % 3]
    return [content.id for content in course.contents if number % 2 == 0 or not content.optional]


def completes(course: Course, number: int) -> bool:
    return {content.id for content in course.required} <= set(contents_of(course, number))


def waves(course: Course, run: str, now_ms: int) -> list[Wave]:
    """The learners' progress in two waves; some records among them that no job can use."""
    first, second = Wave(), Wave()
    message = _MessageIds(run, now_ms)
    for number, user_id in enumerate(learner_ids(run)):
        contents = contents_of(course, number)
        for wave, part in (
            (first, contents[:CONTENTS_OF_FIRST_WAVE]),
            (second, contents[CONTENTS_OF_FIRST_WAVE:]),
        ):
            wave.states += [ContentState(user_id, content_id, COMPLETED) for content_id in part]
            wave.events += _events(course, user_id, part, message)
        if number % 10 == 4:
            # A client that lost the answer sends again; it must not count twice.
            second.events.append(first.events[-1])
    first.events[len(first.events) // 3 : len(first.events) // 3] = _unusable(course, run, message)
    return [first, second]


def publication(course: Course, run: str, now_ms: int) -> list[SampleEvent]:
    """What the knowledge platform says when the course is published, and a document beside it."""
    message = _MessageIds(run, now_ms)
    return [
        _publication(course.contents[1].id, "application/pdf", message, Outcome("skipped", "not a collection")),
        _publication(course.id, COLLECTION, message, PROCESSED),
    ]


def account_merged_away(run: str) -> str:
    """A learner who stops on the way, and goes on under a second account."""
    return learner_ids(run)[MERGED_AWAY]


def second_account(run: str) -> str:
    return f"second-{account_merged_away(run)}"


def second_account_wave(course: Course, run: str, now_ms: int) -> Wave:
    """What the learner does under the second account: the rest of the course, and one content once more."""
    user_id, before = second_account(run), contents_of(course, MERGED_AWAY)
    rest = [content.id for content in course.required if content.id not in before[:-1]]
    states = [ContentState(user_id, content_id, COMPLETED) for content_id in rest]
    events = list(_events(course, user_id, rest, _MessageIds(f"{run}-second", now_ms)))
    return Wave(states, events)


def account_merge(run: str, now_ms: int) -> SampleEvent:
    """What the user service says when the first account is merged into the second one."""
    from_account, to_account = account_merged_away(run), second_account(run)
    value = _json(
        {
            "eid": "BE_JOB_REQUEST",
            "ets": now_ms,
            "mid": f"LP.{now_ms}.demo-{run}-merge",
            "actor": {"id": "Merge User Courses and Cert", "type": "System"},
            "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
            "object": {
                "id": hashlib.sha256(f"{from_account}_{to_account}".encode()).hexdigest(),
                "type": "MergeUserCoursesAndCert",
            },
            "edata": {
                "action": "merge-user-courses-and-cert",
                "iteration": 1,
                "fromAccountId": from_account,
                "toAccountId": to_account,
            },
        }
    )
    return SampleEvent(None, value)


class _MessageIds:
    """Message ids and times, in order."""

    def __init__(self, run: str, now_ms: int) -> None:
        self._run = run
        self.now_ms = now_ms
        self._number = 0

    def next(self) -> str:
        self._number += 1
        return f"LP.{self.now_ms}.demo-{self._run}-{self._number}"


def _events(course: Course, user_id: str, content_ids: list[str], message: _MessageIds) -> Iterator[SampleEvent]:
    """One event per content state update, as the LMS's clients send them; the first content is opened visibly."""
    for position, content_id in enumerate(content_ids):
        if position == 0:
            opened = _update(course, user_id, content_id, IN_PROGRESS, message)
            yield SampleEvent(user_id, opened, Outcome("skipped", "nothing completed"))
        yield SampleEvent(user_id, _update(course, user_id, content_id, COMPLETED, message))


def _unusable(course: Course, run: str, message: _MessageIds) -> list[SampleEvent]:
    some_content = course.contents[0].id
    complete = _update(course, learner_ids(run)[0], some_content, COMPLETED, message)
    blank = _update(course, " ", some_content, COMPLETED, message)
    other = _update(course, learner_ids(run)[1], some_content, COMPLETED, message, "batch-enrolment-sync")
    return [
        SampleEvent(None, b"<html>502 Bad Gateway</html>", Outcome("failed", "not JSON")),
        SampleEvent(None, complete[: len(complete) // 2], Outcome("failed", "cut off")),
        SampleEvent(" ", blank, Outcome("failed", "user id is blank")),
        SampleEvent(None, other, Outcome("skipped", "other action")),
    ]


def _update(
    course: Course,
    user_id: str,
    content_id: str,
    status: int,
    message: _MessageIds,
    action: str = "batch-enrolment-update",
) -> bytes:
    return _json(
        {
            "eid": "BE_JOB_REQUEST",
            "ets": message.now_ms,
            "mid": message.next(),
            "actor": {"id": "Course Batch Updater", "type": "System"},
            "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
            "object": {"id": f"{course.batch_id}_{user_id}", "type": "CourseBatchEnrolment"},
            "edata": {
                "action": action,
                "iteration": 1,
                "userId": user_id,
                "courseId": course.id,
                "batchId": course.batch_id,
                "contents": [{"contentId": content_id, "status": status}],
            },
        }
    )


def _publication(identifier: str, mime_type: str, message: _MessageIds, outcome: Outcome) -> SampleEvent:
    value = _json(
        {
            "eid": "BE_JOB_REQUEST",
            "ets": message.now_ms,
            "mid": message.next(),
            "actor": {"id": "Post Publish Processor", "type": "System"},
            "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
            "object": {"id": identifier, "ver": "1"},
            "edata": {
                "action": "post-publish-process",
                "iteration": 1,
                "identifier": identifier,
                "mimeType": mime_type,
                "status": "Live",
            },
        }
    )
    return SampleEvent(None, value, outcome)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
