"""Which events are chosen to be sent again, and what is sent."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.events.failed_headers import earlier_attempts
from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.microbatch.failure_trace import Origin
from lern_pipeline.microbatch.original_event import OriginalEvent
from lern_pipeline.microbatch.redriving import Selection, candidates, choose, redriven_message
from lern_pipeline_tests.microbatch.failed_records import INPUT, trace

pytestmark = pytest.mark.rules

ALL = Selection("tally")


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        ({}, True),
        ({"job_name": "parcels"}, False),
        ({"error_classes": frozenset({"InvalidEvent", "Failure"})}, True),
        ({"error_classes": frozenset({"Failure"})}, False),
        ({"reasons": frozenset({"because"})}, True),
        ({"reasons": frozenset({"other"})}, False),
        ({"from_ms": 1_000, "until_ms": 1_001}, True),
        ({"from_ms": 1_001}, False),
        ({"until_ms": 1_000}, False),
    ],
)
def test_a_selection_takes(selection: dict[str, Any], taken: bool) -> None:
    assert Selection(**({"job_name": "tally"} | selection)).takes(trace(0, 1_000)) is taken


def test_an_event_of_which_several_records_tell_is_one() -> None:
    (one,) = candidates([trace(0, 10, event=5), trace(1, 30, event=5, reason="other"), trace(2, 20, event=5)], ALL)
    assert (one.origin.offset, one.trace.position.offset, one.failed_at_ms) == (5, 1, 30)
    (one,) = candidates([trace(0, 10, event=5), trace(1, 30, event=5, reason="other")], Selection("tally", until_ms=20))
    assert (one.trace.position.offset, one.failed_at_ms) == (0, 30)


def test_what_cannot_be_sent_is_no_candidate() -> None:
    assert candidates([trace(0, hindrance="too large"), trace(1, origin=None), trace(2, job_name="other")], ALL) == []


def test_those_that_failed_first_are_chosen_and_sent_in_their_topics_order() -> None:
    among = candidates([trace(0, 30), trace(1, 10), trace(2, 20), trace(3, 10)], ALL)
    choice = choose(among, {}, at_most=3)
    assert [one.origin.offset for one in choice.chosen] == [1, 2, 3]
    assert choice.waiting == 1


def test_what_was_sent_again_is_not_chosen_a_second_time() -> None:
    among = candidates([trace(0, 10), trace(1, 20)], ALL)
    redriven = {Origin(INPUT, 0, 0): 10}
    choice = choose(among, redriven, at_most=10)
    assert [one.origin.offset for one in choice.chosen] == [1]
    assert choice.redriven == 1
    assert len(choose(among, redriven, at_most=10, again=True).chosen) == 2


def test_an_event_that_has_failed_anew_since_may_be_sent_again() -> None:
    among = candidates([trace(0, 10, event=0), trace(1, 90, event=0)], ALL)
    assert len(choose(among, {Origin(INPUT, 0, 0): 10}, at_most=10).chosen) == 1


def test_what_was_sent_again_takes_no_place_of_the_limit() -> None:
    among = candidates([trace(0, 10), trace(1, 20)], ALL)
    assert [one.origin.offset for one in choose(among, {Origin(INPUT, 0, 0): 10}, at_most=1).chosen] == [1]


def test_the_message_is_the_event_and_counts_its_attempts() -> None:
    (one,) = candidates([trace(4, attempt=3)], ALL)
    message = redriven_message(one, OriginalEvent(b" {} ", b"k"), "new.input")
    assert (message.topic, message.value, message.key) == ("new.input", b" {} ", b"k")
    assert earlier_attempts(message.headers) == 3


@pytest.mark.parametrize("value", [b"", b"-1", b"x", b"1234567", b"\xff"])
def test_a_header_that_is_no_count_counts_nothing(value: bytes) -> None:
    assert earlier_attempts([("lern-pipeline-attempts", value), ("other", b"5")]) == 0


def test_failed_records_tell_the_jobs_apart() -> None:
    assert len({job.job_name_in_records for job in ALL_JOBS}) == len(ALL_JOBS)
