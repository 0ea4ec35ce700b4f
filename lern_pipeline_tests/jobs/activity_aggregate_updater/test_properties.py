"""What holds for any stream of completions: duplicates, replays, reruns and the cut into batches change nothing.

Streams are of three learners whose rows the LMS has written. The contract allows three differences between cuts:
``contentstatus`` of an enrolment is frozen at its completion, so it depends on which batch completed it (section 9);
where the LMS has not written status 2 yet, contents completed in earlier batches read as 1 again (D17); and no
checksum is kept of a retired collection (4.8), so that only a repetition within one batch is recognised. The first is
left out of the comparison, the others do not occur in the streams that are cut.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lern_pipeline.microbatch.service_readers import StatusFound
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import (
    ENROLMENTS,
    FAILED,
    STARTED,
    Learners,
    completed,
)
from lern_pipeline_tests.microbatch.journal import Row

pytestmark = pytest.mark.contracts

USERS = ("u-ada", "u-eve", "u-zed")
CONTENTS = ("do_r1", "do_r2", "do_r3", "do_r4", "do_else")
COURSES = ("do_9001", "do_retired", "do_unknown")

#: (user, contents, course); most events are of the course that has leaf nodes.
Sent = tuple[str, tuple[str, ...], str]


def events_of(*courses: str) -> st.SearchStrategy[list[Sent]]:
    contents = st.lists(st.sampled_from(CONTENTS), min_size=1, max_size=4).map(tuple)
    return st.lists(st.tuples(st.sampled_from(USERS), contents, st.sampled_from(courses)), min_size=1, max_size=8)


events = events_of("do_9001", *COURSES)


class Stream:
    """A platform with three learners, gone again afterwards."""

    def __init__(self) -> None:
        self.learners = learners = Learners(f"memory://{uuid4()}")
        learners.course_9001()
        learners.relations(
            do_9001__do_9001__leafnodes=["do_r1", "do_r2", "do_r3", "do_r4"],
            do_9001__do_r4__ancestors=["unit_b", "unit_c", "do_9001"],
            do_9001__unit_c__leafnodes=["do_r4"],
        )
        learners.world.collections.answers["do_retired"] = StatusFound("Retired")
        for course in COURSES:
            learners.enrolled("u-ada", course=course)
            learners.enrolled("u-eve", course=course, status=1)
            for user in USERS:
                for content in CONTENTS:
                    learners.consumed(user, content, 1, course=course)

    def __enter__(self) -> Learners:
        return self.learners

    def __exit__(self, *_: object) -> None:
        for key in self.learners.keys:
            self.learners.store.delete(str(key))


def send(learners: Learners, sent: Sequence[Sent]) -> None:
    """As the platform does: the event, and the LMS's status 2 before the job looks."""
    for user, contents, course in sent:
        learners.publish(user, completed(*contents), course=course)
        for content in contents:
            learners.consumed(user, content, 2, course=course)


def rows_without_frozen_statuses(learners: Learners) -> Mapping[str, Sequence[Row]]:
    state = dict(learners.state())
    state[ENROLMENTS] = [
        {name: value for name, value in row.items() if name != "contentstatus" or row["status"] != 2}
        for row in state.get(ENROLMENTS, ())
    ]
    return state


def audits(learners: Learners) -> list[str]:
    """What was told of whom, in no order and without ids and times."""
    return sorted(
        json.dumps([event["actor"], event["edata"], event["object"], event["context"]["cdata"]])
        for event in learners.messages("test.telemetry.raw")
    )


@settings(max_examples=30)
@given(events_of("do_9001", "do_9001", "do_unknown"), st.data())
def test_the_cut_into_batches_does_not_matter(sent: list[Sent], data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(sent))))
    with Stream() as whole, Stream() as cut:
        send(whole, sent)
        whole.run()
        start = 0
        for end in sorted({*cuts, len(sent)}):
            send(cut, sent[start:end])
            cut.run(STARTED + end)
            start = end
        assert rows_without_frozen_statuses(cut) == rows_without_frozen_statuses(whole)
        assert cut.checksums == whole.checksums
        certificates = "test.issue.certificate.request"
        assert {str(event["edata"]) for event in cut.messages(certificates)} == {
            str(event["edata"]) for event in whole.messages(certificates)
        }
        of_known = [text for text in audits(cut) if "do_9001" in text]
        assert of_known == [text for text in audits(whole) if "do_9001" in text]


@settings(max_examples=30)
@given(events, st.data())
def test_the_order_of_events_and_their_duplicates_does_not_matter(sent: list[Sent], data: st.DataObject) -> None:
    duplicates = data.draw(st.lists(st.sampled_from(sent), max_size=4))
    shuffled = data.draw(st.permutations([*sent, *duplicates]))
    with Stream() as plain, Stream() as repeated:
        send(plain, sent)
        plain.run()
        send(repeated, shuffled)
        repeated.run()
        assert repeated.state() == plain.state()
        assert repeated.checksums == plain.checksums
        assert audits(repeated) == audits(plain)


@settings(max_examples=25)
@given(events)
def test_events_sent_again_move_no_counter_of_a_known_course_and_tell_nothing_new(sent: list[Sent]) -> None:
    known = [one for one in sent if one[2] == "do_9001"]
    with Stream() as learners:
        send(learners, known)
        learners.run()
        state, told = learners.state(), len(learners.world.broker.published)
        send(learners, known)
        learners.run(STARTED + 60)
        assert learners.state() == state
        assert len(learners.world.broker.published) == told


@settings(max_examples=25)
@given(events)
def test_a_batch_run_again_changes_not_even_a_time(sent: list[Sent]) -> None:
    with Stream() as learners:
        send(learners, sent)
        learners.run()
        state, sent_messages = learners.world.rows.state(), list(learners.world.broker.published)
        checksums = learners.checksums
        for attempt in (1, 2):
            learners.execute(learners.keys[0], STARTED + 3600 * attempt, rerun=True)
            assert learners.world.rows.state() == state
            assert learners.world.broker.published == sent_messages
            assert learners.checksums == checksums


@settings(max_examples=25)
@given(events, events, st.integers(0, 1))
def test_a_batch_run_again_after_others_leaves_the_same_state(
    first: list[Sent], second: list[Sent], again: int
) -> None:
    with Stream() as learners:
        for moment, sent in enumerate((first, second)):
            send(learners, sent)
            learners.run(STARTED + moment)
        state = learners.state()
        moved = [row for row in state[ENROLMENTS] if row["status"] == 2]
        learners.execute(learners.keys[again], STARTED + 3600, rerun=True)
        assert learners.state() == state
        assert [row for row in learners.state()[ENROLMENTS] if row["status"] == 2] == moved


@settings(max_examples=25)
@given(events)
def test_counters_never_exceed_the_events_that_name_a_content(sent: list[Sent]) -> None:
    with Stream() as learners:
        send(learners, sent)
        learners.run()
        for user in USERS:
            for content, (views, done) in learners.consumption(user).items():
                named = sum(user == who and content in what and course == "do_9001" for who, what, course in sent)
                assert (views or 0) == (done or 0) == min(named, 1)


# --- arbitrary input

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
almost_events = st.fixed_dictionaries(
    {},
    optional={
        "edata": json_values
        | st.fixed_dictionaries(
            {},
            optional={
                "action": st.just("batch-enrolment-update") | json_values,
                "userId": st.sampled_from(USERS) | json_values,
                "batchId": st.just("B-501") | json_values,
                "courseId": st.sampled_from(COURSES) | json_values,
                "contents": json_values
                | st.lists(
                    json_values
                    | st.fixed_dictionaries(
                        {},
                        optional={
                            "contentId": st.sampled_from(CONTENTS) | json_values,
                            "status": st.just(2) | json_values,
                        },
                    ),
                    max_size=4,
                ),
            },
        ),
        "mid": json_values,
    },
)
values = st.one_of(
    almost_events.map(lambda event: json.dumps(event).encode()),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=20),
    st.none(),
)


@settings(max_examples=60)
@given(st.lists(values, min_size=1, max_size=6))
def test_every_event_is_accounted_for_whatever_it_is(records: list[Any]) -> None:
    with Stream() as learners:
        for value in records:
            learners.publish_value(value)
        account = learners.run().account
        assert account.consumed == len(records)
        assert account.processed >= 0
        assert account.balances
        failed = learners.messages(FAILED)
        unresolved = account.failed.get("missing leaf nodes", 0)
        positions = {(message["failInfo"]["partition"], message["failInfo"]["offset"]) for message in failed}
        assert account.failed_total - unresolved <= len(positions)
        assert bool(failed) or not account.failed_total
