"""Attempts one after the other, what counts as newer, what a crash left out (contract 4 step 6, 7, 9, 10)."""

from __future__ import annotations

import pytest

from lern_pipeline_tests.jobs.assessment_aggregator.assessments import (
    AGGREGATES,
    E1_MS,
    FAILED,
    STARTED,
    STARTED_MS,
    Assessments,
    accounts,
    answer,
    assessed,
    counters,
    example_e1,
)

pytestmark = pytest.mark.contracts

HOUR = 3600.0


def scored(score: float, time: int = 0, attempt: str = "att-1", **members: object) -> dict[str, object]:
    return assessed([answer("q1", 1, score)], assessmentTs=E1_MS + time, attemptId=attempt, **members)


def test_the_newest_of_one_attempt_wins_and_each_is_counted_on_its_own(assessments: Assessments) -> None:
    result = assessments.run_events(scored(1, 5), scored(2, 3), scored(3, 7), scored(4, 7), scored(5, 9))
    assert accounts(result) == (3, 2, 0)
    assert counters(result, "db-update-count", "db-read-count", "skipped-event-count") == {
        "db-update-count": 3,
        "db-read-count": 4,
        "skipped-event-count": 2,
    }
    row = assessments.attempt()
    assert row is not None
    assert (row["total_score"], row["created_on"]) == (5.0, STARTED_MS)
    assert assessments.certificates() == [("usr-1", "att-1")]


def test_a_row_without_its_time_is_the_oldest(assessments: Assessments) -> None:
    assessments.stored(last_attempted_on=None, total_score=0.0)
    assert accounts(assessments.run_events(scored(2))) == (1, 0, 0)
    row = assessments.attempt()
    assert row is not None
    assert (row["last_attempted_on"], row["created_on"]) == (E1_MS, 1_717_000_000_000)


def test_a_newer_event_of_a_row_without_created_on_fails(assessments: Assessments) -> None:
    assessments.stored(created_on=None)
    assert accounts(assessments.run_events(scored(2, 1))) == (0, 0, 1)
    assert assessments.messages(FAILED)[0]["metadata"]["validation_error"] == "the stored attempt has no created_on"
    assert accounts(assessments.run_events(scored(2, -1))) == (0, 1, 0)


def test_of_equal_best_scores_the_lowest_attempt_gives_the_maximum(assessments: Assessments) -> None:
    assessments.stored("att-3", total_score=2.0, total_max_score=4.0)
    assessments.stored("att-2", total_score=2.0, total_max_score=8.0)
    assessments.run_events(assessed([]))
    aggregate = assessments.aggregate()
    assert aggregate is not None
    assert aggregate["aggregates"]["max_score:do_Q1"] == 8.0


@pytest.mark.parametrize(
    ("times", "latest"),
    [
        ((100, 900), "att-2"),
        ((900, 100), "att-1"),
        ((100, 100), "att-1"),
        ((None, None), "att-1"),
        ((None, 1), "att-2"),
    ],
)
def test_the_latest_attempt_is_that_of_the_latest_millisecond(
    assessments: Assessments, times: tuple[int | None, ...], latest: str
) -> None:
    for attempt, time in zip(("att-1", "att-2"), times, strict=True):
        assessments.stored(attempt, last_attempted_on=time)
    assessments.run_events(assessed([]))
    assert assessments.certificates() == [("usr-1", latest)]


def test_null_scores_count_as_zero_and_null_times_are_left_out(assessments: Assessments) -> None:
    assessments.stored("att-2", total_score=None, total_max_score=None, last_attempted_on=None)
    assessments.run_events(scored(-1))
    aggregate = assessments.aggregate()
    assert aggregate is not None
    assert aggregate["aggregates"]["score:do_Q1"] == 0.0
    assert aggregate["agg_details"][1] == (
        '{"attempt_id":"att-2","score":0.0,"content_id":"do_Q1","max_score":0.0,"type":"attempt_metrics"}'
    )


def test_a_stored_nan_does_not_keep_the_others_from_being_aggregated(assessments: Assessments) -> None:
    assessments.stored("att-2", total_score=float("nan"), total_max_score=float("inf"))
    assert accounts(assessments.run_events(scored(1))) == (1, 0, 0)
    aggregate = assessments.aggregate()
    assert aggregate is not None
    assert aggregate["aggregates"] == {"score:do_Q1": 1.0, "max_score:do_Q1": 1.0, "attempts_count:do_Q1": 2.0}


def test_attempts_of_other_learners_and_batches_stay_apart(assessments: Assessments) -> None:
    assessments.run_events(scored(1), scored(2, userId="usr-2"), scored(3, batchId="B-78"))
    found = {(row["user_id"], row["context_id"]): row["aggregates"] for row in assessments.world.rows.rows(AGGREGATES)}
    assert {key: scores["score:do_Q1"] for key, scores in found.items()} == {
        ("usr-1", "cb:B-77"): 1.0,
        ("usr-2", "cb:B-77"): 2.0,
        ("usr-1", "cb:B-78"): 3.0,
    }
    assert len(assessments.certificates()) == 3


def test_rows_come_before_aggregates_and_these_before_requests(assessments: Assessments) -> None:
    assessments.run_events(scored(1))
    assert assessments.world.journal[-4:] == [
        "rows sunbird_courses.assessment_aggregator",
        "rows sunbird_courses.user_activity_agg",
        "publish test.issue.certificate.request",
        "commit",
    ]


# --- what a crash left out (D3, D4)


def test_an_attempt_whose_stage_2_the_existing_job_left_out_is_aggregated(assessments: Assessments) -> None:
    assessments.stored(total_score=1.33, total_max_score=2.0)
    result = assessments.run_events(example_e1(), example_e1())
    assert accounts(result) == (1, 1, 0)
    row, aggregate = assessments.attempt(), assessments.aggregate()
    assert row is not None and aggregate is not None
    assert row["updated_on"] == 1_717_000_000_000
    assert aggregate["aggregates"]["score:do_Q1"] == 1.33
    assert assessments.certificates() == [("usr-1", "att-1")]
    # Now it is a plain duplicate.
    assert accounts(assessments.run_events(example_e1())) == (0, 1, 0)
    assert len(assessments.certificates()) == 1


@pytest.mark.parametrize("there", [{}, {"score:do_Q1": 1.33, "max_score:do_Q1": 2.0, "attempts_count:do_Q1": 0.0}])
def test_aggregates_that_do_not_show_the_stored_attempt_are_made_anew(
    assessments: Assessments, there: dict[str, float]
) -> None:
    assessments.stored()
    assessments.aggregated(aggregates={"completedCount": 4.0, **there})
    assert accounts(assessments.run_events(example_e1())) == (1, 0, 0)


def test_an_older_event_is_skipped_whatever_the_aggregates_show(assessments: Assessments) -> None:
    assessments.stored()
    assert accounts(assessments.run_events(example_e1(assessmentTs=E1_MS - 1))) == (0, 1, 0)


@pytest.mark.parametrize("time", [0, -1])
def test_a_kind_d_event_fed_in_again_redoes_the_aggregates(assessments: Assessments, time: int) -> None:
    assessments.run_events(example_e1())
    metadata = {"validation_error": "x", "src": "AssessmentAggregator", "stage": "aggregate"}
    result = assessments.run_events(example_e1(assessmentTs=E1_MS + time, metadata=metadata))
    assert accounts(result) == (1, 0, 0)
    assert len(assessments.certificates()) == 2


# --- batches run again


def test_a_batch_run_again_changes_nothing_and_tells_nothing(assessments: Assessments) -> None:
    assessments.stored("att-9")
    first = assessments.run_events(
        scored(1, 5), scored(2, 9), scored(3, 7), assessed([], userId="usr-2"), example_e1(attemptId="att-9")
    )
    state, told = assessments.world.rows.state(), list(assessments.world.broker.published)
    for attempt in (1, 2):
        again = assessments.execute(assessments.keys[0], STARTED + attempt * HOUR, rerun=True)
        assert accounts(again) == accounts(first)
        assert assessments.world.rows.state() == state
        assert assessments.world.broker.published == told


def test_a_batch_run_again_puts_right_what_has_gone(assessments: Assessments) -> None:
    assessments.run_events(scored(1), scored(2, attempt="att-2"))
    state = assessments.state()
    rows = assessments.world.rows
    rows._cells.clear()
    assessments.execute(assessments.keys[0], STARTED + HOUR, rerun=True)
    assert assessments.state() == state


def test_a_batch_run_again_keeps_a_newer_attempt(assessments: Assessments) -> None:
    assessments.run_events(scored(1))
    assessments.run_events(scored(2, 5), now=STARTED + 1)
    state = assessments.state()
    result = assessments.execute(assessments.keys[0], STARTED + HOUR, rerun=True)
    assert accounts(result) == (1, 0, 0)
    assert assessments.state() == state
    assert len(assessments.certificates()) == 2
