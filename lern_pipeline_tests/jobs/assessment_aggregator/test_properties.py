"""Which attempt is stored and what is counted, whatever comes. Of any job's stream: ``jobs/test_any_stream.py``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lern_pipeline_tests.jobs.assessment_aggregator.assessments import (
    ATTEMPTS,
    E1_MS,
    FAILED,
    STARTED,
    Assessments,
    accounts,
    answer,
    assessed,
    example_e1,
)

pytestmark = pytest.mark.contracts

USERS = ("usr-1", "usr-2")
CONTENTS = ("do_Q1", "do_V1", "do_foreign")

#: (learner, content, attempt, time, score); time and score go together: no two events of one attempt and time differ.
Sent = tuple[str, str, str, int]

attempts = st.tuples(
    st.sampled_from(USERS), st.sampled_from(CONTENTS), st.sampled_from(["a1", "a2"]), st.integers(-2, 3)
)
streams = st.lists(attempts, min_size=1, max_size=10)


class Stream:
    """A platform with a stored attempt, gone again afterwards."""

    def __init__(self) -> None:
        self.assessments = Assessments(f"memory://{uuid4()}")
        self.assessments.stored("a1", last_attempted_on=E1_MS, total_score=score_of(0), total_max_score=1.0)
        self.assessments.run_events(assessed([]))

    def __enter__(self) -> Assessments:
        return self.assessments

    def __exit__(self, *_: object) -> None:
        for key in self.assessments.keys:
            self.assessments.store.delete(str(key))


def score_of(time: int) -> float:
    return (time * 7 % 5) * 0.1


def event_of(sent: Sent) -> dict[str, Any]:
    user, content, attempt, time = sent
    return assessed(
        [answer("q1", 1, score_of(time))],
        userId=user,
        contentId=content,
        attemptId=attempt,
        assessmentTs=E1_MS + time,
    )


def publish(assessments: Assessments, stream: Sequence[Sent]) -> None:
    for sent in stream:
        assessments.publish(event_of(sent))


@settings(max_examples=60)
@given(streams, st.data())
def test_the_cut_into_batches_does_not_matter_for_what_is_counted(stream: list[Sent], data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(stream))))
    with Stream() as whole, Stream() as cut:
        publish(whole, stream)
        figures = accounts(whole.run())
        start, in_parts = 0, (0, 0, 0)
        for end in sorted({*cuts, len(stream)}):
            publish(cut, stream[start:end])
            part = accounts(cut.run(STARTED + end))
            in_parts = (in_parts[0] + part[0], in_parts[1] + part[1], in_parts[2] + part[2])
            start = end
        assert in_parts == figures
        assert sorted(map(json.dumps, cut.messages(FAILED))) == sorted(map(json.dumps, whole.messages(FAILED)))


@settings(max_examples=40)
@given(streams)
def test_the_stored_attempt_is_the_newest(stream: list[Sent]) -> None:
    with Stream() as assessments:
        publish(assessments, stream)
        assessments.run(STARTED + 1)
        newest: dict[tuple[str, ...], int] = {("usr-1", "do_Q1", "a1"): 0}
        for *key, time in stream:
            if key[1] != "do_foreign":
                newest[tuple(key)] = max(newest.get(tuple(key), time), time)
        rows = assessments.world.rows.rows(ATTEMPTS)
        assert {
            (row["user_id"], row["content_id"], row["attempt_id"]): row["last_attempted_on"] - E1_MS for row in rows
        } == newest


# --- arbitrary input

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def spoilt_events(draw: st.DrawFn) -> dict[str, Any]:
    """E1 with some of its members replaced by anything."""
    event = example_e1()
    answered = event["events"][0]
    places = [event, answered, answered["edata"], answered["edata"]["item"]]
    for place in draw(st.lists(st.sampled_from(places), max_size=3)):
        if place:
            place[draw(st.sampled_from(sorted(place)))] = draw(json_values)
    event["mid"] = draw(json_values)
    return event


@settings(max_examples=200)
@given(st.lists(spoilt_events() | st.dictionaries(st.text(max_size=8), json_values, max_size=3), max_size=4))
def test_any_event_is_accounted_for_and_no_other_suffers(events: list[dict[str, Any]]) -> None:
    with Stream() as assessments:
        good = example_e1(userId="usr-good", attemptId="att-good", mid="good")
        result = assessments.run_events(*events, good, now=STARTED + 1)
        assert sum(accounts(result)) == len(events) + 1
        assert len(assessments.messages(FAILED)) == result.account.failed_total
        assert assessments.attempt("att-good", user="usr-good") is not None
        assert ("usr-good", "att-good") in assessments.certificates()
