"""Merging completions with stored consumption (contract 4.3–4.7), and what follows for counts and AUDIT events."""

from __future__ import annotations

import pytest

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.activity_aggregate_updater.consumption import (
    Content,
    ContentInput,
    EnrolmentInput,
    StoredConsumption,
    changed,
    merge,
)
from lern_pipeline.jobs.course_progress.progress import RelationSets
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import (
    CERTIFICATES,
    STARTED,
    Learners,
    aggregate_settings,
    completed,
)

pytestmark = pytest.mark.contracts

HERE = Position(0, 0)


def merged(stored: StoredConsumption | None, times: int | None) -> Content:
    """The one content after the merge; ``times`` None: not in the input."""
    input_ = EnrolmentInput() if times is None else EnrolmentInput({"do_r1": ContentInput(HERE, times)})
    return merge(input_, [stored] if stored else [])["do_r1"]


@pytest.mark.parametrize(
    ("stored", "times", "expected"),
    [
        # only the input
        (None, 1, Content(2, 1, 1, True, ("start", "complete"))),
        (None, 3, Content(2, 3, 3, True, ("start", "complete"))),
        # input and a row: status is the larger, counters add up
        ((1, None, None), 1, Content(2, 1, 1, True, ("start", "complete"))),
        ((None, None, None), 1, Content(2, 1, 1, True, ("start", "complete"))),
        ((2, 4, 3), 1, Content(2, 4, 5, True, ())),
        ((2, 4, 0), 1, Content(2, 1, 5, True, ("complete",))),
        ((2, 0, 3), 1, Content(2, 4, 1, True, ("start",))),
        ((3, 0, 0), 1, Content(3, 1, 1, True, ("start", "complete"))),
        # only a row
        ((1, 5, 4), None, Content(1, 4, 5, False, ())),
        ((2, None, None), None, Content(2, 0, 0, False, ())),
        ((None, None, None), None, Content(1, 0, 0, False, ())),
        ((0, 0, 0), None, Content(0, 0, 0, False, ())),
    ],
)
def test_a_content_is_merged_as_the_table_of_the_contract_says(
    stored: tuple[int | None, int | None, int | None] | None, times: int | None, expected: Content
) -> None:
    assert merged(StoredConsumption("do_r1", *stored) if stored else None, times) == expected


def test_a_content_that_this_batch_has_counted_before_takes_part_but_moves_nothing() -> None:
    assert merged(StoredConsumption("do_r1", 1, 1, 1), 0) == Content(2, 1, 1, True, ())


def test_null_counters_become_zero_and_rows_that_are_right_are_not_written() -> None:
    stored = {
        "right": StoredConsumption("right", 2, 4, 3),
        "null": StoredConsumption("null", 1, None, None),
        "half": StoredConsumption("half", 1, 2, None),
    }
    assert changed(merge(EnrolmentInput(), stored.values()), stored) == [("null", 0, 0), ("half", 2, 0)]


def test_a_unit_that_is_optional_as_a_whole_keeps_its_contents_required() -> None:
    """The optional set then holds the unit's id and none of its contents (D9)."""
    relations = RelationSets({("c", "c"): frozenset({"r1", "r2"})}, {("c", "c"): frozenset({"unit"})}, {})
    assert relations.required("c", "c") == {"r1", "r2"}


def test_units_above_are_those_of_all_contents_without_the_course() -> None:
    relations = RelationSets({}, {}, {("c", "r1"): frozenset({"u1", "c"}), ("c", "r2"): frozenset({"u2", "u1"})})
    assert relations.units_above("c", ["r1", "r2", "unknown"]) == {"u1", "u2"}


# --- through a whole batch


def test_all_contents_of_all_events_of_an_enrolment_count_in_one_pass(learners: Learners) -> None:
    learners.enrolled("u-ada")
    learners.publish("u-ada", completed("do_r1"))
    learners.publish("u-ada", completed("do_r2"))
    result = learners.run()
    assert learners.enrolment("u-ada")["status"] == 2  # type: ignore[index]
    assert result.plan.metrics["processed-enrolment-count"] == 1
    assert result.plan.metrics["enrolment-complete-count"] == 1
    assert result.plan.metrics["cert-issue-events-count"] == len(learners.messages(CERTIFICATES)) == 1
    assert len(learners.world.rows.written) == 3


def test_enrolments_in_two_batches_of_one_course_are_two(learners: Learners) -> None:
    for batch in ("B-501", "B-502"):
        learners.enrolled("u-ada", batch=batch)
        learners.publish("u-ada", completed("do_r1"), batch=batch)
    assert learners.run().plan.metrics["processed-enrolment-count"] == 2
    assert len(learners.checksums) == 2
    assert learners.enrolment("u-ada", batch="B-502")["progress"] == 1  # type: ignore[index]


def test_a_content_outside_of_the_course_counts_for_itself_alone(learners: Learners) -> None:
    learners.enrolled("u-ada")
    learners.publish("u-ada", completed("do_else"))
    learners.run()
    assert learners.consumption("u-ada") == {"do_else": (1, 1)}
    assert learners.aggregates("u-ada") == {"do_9001": 0.0}
    assert learners.enrolment("u-ada")["contentstatus"] == {"do_else": 2}  # type: ignore[index]


def test_a_course_of_optional_contents_only_is_completed_by_the_first_event_and_warned_of(learners: Learners) -> None:
    learners.relations(do_9001__do_9001__optionalnodes=["do_r1", "do_r2", "do_r3"])
    learners.enrolled("u-ada")
    learners.publish("u-ada", completed("do_r1"))
    result = learners.run()
    assert learners.enrolment("u-ada")["status"] == 2  # type: ignore[index]
    assert any("do_9001" in warning for warning in result.warnings)


def test_unit_rows_can_be_switched_off(learners: Learners) -> None:
    learners.settings = aggregate_settings(activity__module__aggs__enabled="false")
    learners.publish("u-ada", completed("do_r1"))
    learners.run()
    assert learners.aggregates("u-ada") == {"do_9001": 1.0}
    assert not any(key.endswith(":ancestors") for key in learners.world.caches.reads)


def test_contentstatus_is_replaced_as_a_whole(learners: Learners) -> None:
    learners.enrolled("u-ada", status=1, contentstatus={"do_gone": 2})
    learners.publish("u-ada", completed("do_r1"))
    learners.run()
    assert learners.enrolment("u-ada")["contentstatus"] == {"do_r1": 2}  # type: ignore[index]


def test_other_entries_of_the_aggregate_maps_stay(learners: Learners) -> None:
    key = {"activity_type": "Course", "activity_id": "do_9001", "user_id": "u-ada", "context_id": "cb:B-501"}
    learners.world.rows.give("sunbird_courses.user_activity_agg", key, {"aggregates": {"score:do_q": 4.0}})
    learners.publish("u-ada", completed("do_r1"))
    learners.run()
    row = learners.world.rows.row("sunbird_courses.user_activity_agg", key)
    assert row is not None
    assert row["aggregates"] == {"score:do_q": 4.0, "completedCount": 1.0}


def test_a_row_without_status_reads_as_in_progress_next_time(learners: Learners) -> None:
    """The row that the job makes has no status: that column is the LMS's (D17)."""
    learners.enrolled("u-ada")
    learners.publish("u-ada", completed("do_r1"))
    learners.run()
    learners.publish("u-ada", completed("do_r2"))
    learners.run(STARTED + 60)
    assert learners.aggregates("u-ada") == {"do_9001": 1.0, "unit_a": 0.0, "unit_b": 1.0}
    assert learners.enrolment("u-ada")["contentstatus"] == {"do_r1": 1, "do_r2": 2}  # type: ignore[index]


# --- dedup


def test_a_completion_sent_again_is_dropped_while_its_checksum_lives(learners: Learners) -> None:
    for moment in (STARTED, STARTED + 60):
        learners.publish("u-ada", completed("do_r1"))
        result = learners.run(moment)
        assert result.account.processed == 1
    assert learners.consumption("u-ada") == {"do_r1": (1, 1)}
    assert len(learners.audits()) == 2
    assert not result.plan.rows


def test_a_completion_sent_again_after_its_checksum_expired_counts_without_audit(learners: Learners) -> None:
    learners.enrolled("u-ada")
    learners.publish("u-ada", completed("do_r1"))
    learners.run()
    learners.world.caches.database("dedup-redis", 13).clear()
    learners.publish("u-ada", completed("do_r1"))
    learners.run(STARTED + 700_000)
    assert learners.consumption("u-ada") == {"do_r1": (2, 2)}
    assert len(learners.audits()) == 2


def test_with_dedup_off_every_entry_counts_and_no_checksum_is_kept(learners: Learners) -> None:
    learners.settings = aggregate_settings(activity__input__dedup__enabled="false")
    learners.publish("u-ada", completed("do_r1", "do_r1"))
    learners.publish("u-ada", completed("do_r1"))
    learners.run()
    assert learners.consumption("u-ada") == {"do_r1": (3, 3)}
    assert learners.audits() == [("start", "do_r1"), ("complete", "do_r1")]
    assert learners.checksums == set()


def test_an_event_that_only_repeats_another_shares_its_fate(learners: Learners) -> None:
    """Its failed record is that of the enrolment; it must not count as processed beside it."""
    for _ in range(2):
        learners.publish("u-ada", completed("do_x1"), course="do_9100")
    assert learners.run().account.failed == {"missing leaf nodes": 2}
