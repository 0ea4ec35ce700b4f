"""Typing of the answers, the latest one per question, scores (contract 2.3, 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.events.validation import InvalidEvent
from lern_pipeline.jobs.assessment_aggregator.answers import Answer, latest_answers, question, totals
from lern_pipeline.jobs.assessment_aggregator.assessment_event import (
    LONGEST_IDS_BYTES,
    AggregateKey,
    Attempt,
    Recompute,
    Refusal,
    assessment_event,
)
from lern_pipeline_tests.jobs.assessment_aggregator.assessments import answer, assessed

pytestmark = pytest.mark.rules

BIG = 10**400


def single(event: dict[str, Any]) -> Answer:
    (only,) = latest_answers([event])
    return only


# --- the typing table


@pytest.mark.parametrize("where", ["score", "item_maxscore", "duration"])
@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (0.25, 0.25),
        (-2, -2.0),
        (None, 0.0),
        (..., 0.0),
        ("0.25", 0.25),
        (" 2.25 ", 2.25),
        ("1e1", 10.0),
        ("+3", 3.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("\t007\n", 7.0),
        ("-1.5E-2", -0.015),
    ],
)
def test_numbers_and_numeric_texts_are_scores(where: str, value: Any, number: float) -> None:
    found = single(answer(**{where: value}))
    assert {"score": found.score, "item_maxscore": found.max_score, "duration": found.duration}[where] == number


@pytest.mark.parametrize("where", ["score", "item_maxscore", "duration"])
@pytest.mark.parametrize(
    "value",
    [True, False, {}, [], [1], "", " ", "x", "1_000", "1,5", "inf", "nan", "NaN", "Infinity", "-Infinity", "١", "0x1",
     ".", "e5", "1e", "1e999", BIG, "+-1", "1 1"],
)  # fmt: skip
def test_anything_else_is_no_score(where: str, value: Any) -> None:
    with pytest.raises(InvalidEvent, match="is not a number"):
        single(answer(**{where: value}))


@pytest.mark.parametrize("value", [0, 1, -1, 1_717_400_001_000, 2**63 - 1, -(2**63)])
def test_any_integer_is_a_time(value: int) -> None:
    assert single(answer(ets=value)).ets == value


@pytest.mark.parametrize("value", [None, ..., 1.0, 1.7e12, "1717400001000", True, [], {}, 2**63, BIG])
def test_anything_else_is_no_time(value: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"events\[\]\.ets"):
        single(answer(ets=value))
    event = assessment_event(assessed([answer()], assessmentTs=value))
    assert isinstance(event.asks_for, Refusal)
    assert "assessmentTs" in event.asks_for.reason


@pytest.mark.parametrize("name", ["item_id", "item_type", "item_title", "item_desc"])
@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), ("", ""), (12, "12"), (5.0, "5.0"), (1e10, "1.0E10"), (True, "true"), (None, None), (..., None)],
)
def test_texts_may_be_numbers_or_booleans(name: str, value: Any, text: str | None) -> None:
    found = single(answer(**{name: value}))
    fields = {"id": found.question_id, "type": found.type, "title": found.title, "desc": found.description}
    assert fields[name.removeprefix("item_")] == text


@pytest.mark.parametrize("name", ["item_id", "item_type", "item_title", "item_desc"])
@pytest.mark.parametrize("value", [{}, [], ["x"], pytest.param(10**5000, id="huge")])
def test_texts_may_be_nothing_else(name: str, value: Any) -> None:
    with pytest.raises(InvalidEvent):
        single(answer(**{name: value}))


@pytest.mark.parametrize("name", ["resvalues", "item_params"])
@pytest.mark.parametrize("value", [[], [{}], [{"a": None}]])
def test_lists_may_be_empty(name: str, value: Any) -> None:
    assert question(single(answer(**{name: value})))


@pytest.mark.parametrize("name", ["resvalues", "item_params"])
@pytest.mark.parametrize("value", ["x", 1, {}, ["x"], [[]], [1], [{}, True]])
def test_lists_of_something_else_fail_every_answer(name: str, value: Any) -> None:
    with pytest.raises(InvalidEvent):
        latest_answers([answer(ets=2), answer(ets=1, **{name: value})])


@pytest.mark.parametrize("name", ["resvalues", "item_params"])
@pytest.mark.parametrize("value", [None, ..., [None], [{}, None]])
def test_absent_lists_and_nulls_in_them_fail_only_answers_that_are_kept(name: str, value: Any) -> None:
    bad = answer(ets=1, **{name: value})
    (kept,) = latest_answers([answer(ets=2), bad])
    assert question(kept)
    with pytest.raises(InvalidEvent):
        question(single(bad))


@pytest.mark.parametrize(
    "events",
    [{}, "x", 1, [None], ["x"], [[]], [{}], [{"ets": 1}], [{"ets": 1, "edata": None}], [{"ets": 1, "edata": []}],
     [{"ets": 1, "edata": {"resvalues": []}}], [{"ets": 1, "edata": {"resvalues": [], "item": "x"}}]],
)  # fmt: skip
def test_events_of_another_form_fail(events: Any) -> None:
    event = assessment_event(assessed(events) if events != {} else assessed({"0": answer()}))
    assert isinstance(event.asks_for, Refusal)
    assert event.unique_questions is None


@pytest.mark.parametrize("name", ["courseId", "contentId"])
@pytest.mark.parametrize("value", [None, ..., 1, {}, [], True])
def test_course_and_content_must_be_texts(name: str, value: Any) -> None:
    with pytest.raises(InvalidEvent, match=name):
        assessment_event(assessed([answer()], **{name: value}))


@pytest.mark.parametrize("name", ["batchId", "userId", "attemptId"])
@pytest.mark.parametrize("value", [None, ..., 1, {}, [], True])
def test_other_ids_must_be_texts_where_they_are_used(name: str, value: Any) -> None:
    refused = assessment_event(assessed([answer()], **{name: value}))
    assert isinstance(refused.asks_for, Refusal)
    assert (refused.unique_questions, refused.asks_for.kind) == (1, "")
    recompute = assessment_event(assessed([], **{name: value}))
    if name == "attemptId":
        assert isinstance(recompute.asks_for, Recompute)
    else:
        assert isinstance(recompute.asks_for, Refusal)
        assert recompute.asks_for.kind == "aggregate"


def test_empty_ids_are_ids() -> None:
    event = assessment_event(assessed([answer()], batchId="", userId="", attemptId="", contentId="", courseId=""))
    assert isinstance(event.asks_for, Attempt)
    assert event.asks_for.aggregate == AggregateKey("", "", "")


def test_ids_that_cannot_be_a_key_together_fail() -> None:
    long = "é" * (LONGEST_IDS_BYTES // 2)
    assert isinstance(assessment_event(assessed([answer()], userId=long)).asks_for, Refusal)
    assert isinstance(assessment_event(assessed([], userId=long)).asks_for, Refusal)
    assert isinstance(assessment_event(assessed([], userId=long[:-40])).asks_for, Recompute)


@pytest.mark.parametrize("events", [None, ..., []])
def test_an_event_without_answers_asks_to_recompute(events: Any) -> None:
    event = assessment_event(assessed(events, assessmentTs=..., attemptId=...))
    assert event.asks_for == Recompute(AggregateKey("usr-1", "do_C1", "B-77"))


# --- deduplication and sums


def test_the_latest_answer_counts_and_of_equal_ones_the_first() -> None:
    kept = latest_answers([answer("q1", 5, 1), answer("q1", 7, 2), answer("q1", 7, 3), answer("q2", 1, 4)])
    assert [(one.question_id, one.ets, one.score) for one in kept] == [("q2", 1, 4.0), ("q1", 7, 2.0)]


def test_answers_without_an_id_are_one_question_and_a_number_is_its_text() -> None:
    kept = latest_answers([answer(None, 1), answer(..., 2), answer(12, 3), answer("12", 4)])
    assert [(one.question_id, one.ets) for one in kept] == [(None, 2), ("12", 4)]


times = st.integers(0, 4)
ids = st.sampled_from(["q1", "q2", None, 3, "3"])


@given(st.lists(st.tuples(ids, times), min_size=1, max_size=8, unique=True), st.randoms())
def test_the_order_of_the_array_does_not_matter(sent: list[tuple[Any, int]], random: Any) -> None:
    """Where no two answers to a question have one time; scores follow from id and time."""
    distinct = {(str(id_) if id_ is not None else None, ets): (id_, ets) for id_, ets in sent}
    events = [answer(id_, ets, score=ets * 0.1) for id_, ets in distinct.values()]
    shuffled = list(events)
    random.shuffle(shuffled)
    assert [one[:3] for one in latest_answers(shuffled)] == [one[:3] for one in latest_answers(events)]
    assert totals(latest_answers(shuffled)) == totals(latest_answers(events))


def test_sums_are_not_rounded() -> None:
    assert totals(latest_answers([answer("a", 1, 0.1), answer("b", 2, 0.2)])) == (0.30000000000000004, 2.0)


def test_a_sum_beyond_the_doubles_fails() -> None:
    with pytest.raises(InvalidEvent, match="too large"):
        totals(latest_answers([answer("a", 1, 1e308), answer("b", 2, 1e308)]))


def test_values_are_texts_as_they_are_and_json_otherwise() -> None:
    made = question(
        single(answer(resvalues=[{"a": "A<b>", "b": 5, "c": True, "d": None, "e": {"text": "A<b>"}}, {}], duration=7))
    )
    assert made.resvalues == [{"a": "A<b>", "b": "5.0", "c": "true", "e": r'{"text":"A\u003cb\u003e"}'}, {}]
    assert made.duration == "7.0"


def test_a_number_beyond_the_doubles_fails() -> None:
    with pytest.raises(InvalidEvent, match="too large"):
        question(single(answer(resvalues=[{"a": [BIG]}])))
