"""What a rebuild changes, leaves alone, sends and says; dry runs; what is kept for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch
from lern_pipeline.jobs.activity_aggregates_rebuild.kept import KeptRebuild, Progress
from lern_pipeline.jobs.activity_aggregates_rebuild.rebuild import GO_ON_WITHIN_MS, Request, beginning
from lern_pipeline.microbatch.service_readers import StatusFound
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import (
    AGGREGATES,
    AUDIT,
    CERTIFICATES,
    CONSUMPTION,
    ENROLMENTS,
    STARTED,
    STARTED_MS,
)
from lern_pipeline_tests.jobs.activity_aggregates_rebuild.conftest import (
    COURSE_BATCH,
    OTHER_BATCH,
    WRONG,
    Rebuilding,
    rebuilding,
)
from lern_pipeline_tests.microbatch.failing import FailingBroker

pytestmark = pytest.mark.rules


def certified(batch: Rebuilding) -> list[str]:
    return [message["edata"]["userIds"][0] for message in batch.learners.messages(CERTIFICATES)]


def enrolment(batch: Rebuilding, user: str) -> dict[str, Any]:
    found = batch.learners.enrolment(user, *COURSE_BATCH)
    assert found is not None
    return found


def test_wrong_aggregates_and_enrolments_become_right(batch: Rebuilding) -> None:
    batch.rebuild()
    learners = batch.learners
    assert learners.aggregates("u-behind") == {"do_9300": 1.0, "unit_k": 1.0}
    assert learners.aggregates("u-finished") == {"do_9300": 2.0, "unit_k": 2.0}
    assert learners.aggregates("u-unit") == {"do_9300": 1.0, "unit_k": 1.0}
    behind, finished = enrolment(batch, "u-behind"), enrolment(batch, "u-finished")
    assert (behind["status"], behind["progress"]) == (1, 1)
    assert behind["contentstatus"] == {"do_z1": 2, "do_z2": 1}
    assert (finished["status"], finished["progress"]) == (2, 2)
    assert finished["completedon"] == STARTED_MS + 60_000


def test_the_tally_says_what_was_found(batch: Rebuilding) -> None:
    tally = batch.one().tally
    assert (tally.learners, tally.differed, tally.completed) == (7, len(WRONG), 2)
    assert tally.rows == {"user_activity_agg": 5, "user_enrolments": 3}
    assert tally.messages == {CERTIFICATES: 2, AUDIT: 2}
    assert tally.left_out == {"nothing consumed": 1}


def test_rows_that_come_out_equal_are_not_written(batch: Rebuilding) -> None:
    batch.rebuild()
    written = [row for writes in batch.world.rows.written for row in writes.rows]
    assert len(written) == 8
    assert not [row for row in written if "u-right" in row or "u-idle" in row or "u-done" in row]
    assert not [row for row in written if "u-unit" in row and "do_9300" in row]


def test_other_entries_of_the_aggregates_stay(batch: Rebuilding) -> None:
    batch.rebuild()
    row = batch.world.rows.row(AGGREGATES, {"user_id": "u-behind", "activity_id": "unit_k"})
    assert row["aggregates"] == {"completedCount": 1.0, "score:unit_k": 7.0}


@pytest.mark.parametrize("filtered", ["true", "false"])
def test_who_has_completed_is_not_touched_and_nothing_is_asked_for_again(tmp_path: Path, filtered: str) -> None:
    batch = rebuilding(tmp_path, LERN_PIPELINE_ACTIVITY_FILTER_PROCESSED_ENROLMENTS=filtered)
    before = dict(enrolment(batch, "u-done"))
    batch.rebuild()
    assert enrolment(batch, "u-done") == before
    assert sorted(certified(batch)) == ["u-finished", "u-late"]


def test_the_enrolment_is_written_before_its_certificate_is_asked_for(batch: Rebuilding) -> None:
    batch.rebuild()
    journal = batch.world.journal
    last_write = max(number for number, line in enumerate(journal) if line == f"rows {ENROLMENTS}")
    assert last_write < journal.index(f"publish {CERTIFICATES}")


def test_a_second_rebuild_finds_nothing_to_do(batch: Rebuilding) -> None:
    batch.rebuild()
    state, sent = batch.world.rows.state(), len(batch.world.broker.published)
    tally = batch.one().tally
    assert (tally.differed, tally.rows, tally.messages) == (0, {}, {})
    assert batch.world.rows.state() == state
    assert len(batch.world.broker.published) == sent


def test_consumption_and_other_batches_are_left_alone(batch: Rebuilding) -> None:
    before = batch.world.rows.rows(CONSUMPTION)
    batch.rebuild()
    assert batch.world.rows.rows(CONSUMPTION) == before
    assert batch.learners.enrolment("u-behind", "do_9300", "B-other")["status"] == 0
    assert batch.learners.aggregates("u-ada") == {}


def test_only_the_named_learners(batch: Rebuilding) -> None:
    tally = batch.one(users=("u-late", "u-ada", "u-late")).tally
    assert (tally.learners, tally.differed, tally.left_out) == (2, 1, {"not enrolled": 1})
    assert certified(batch) == ["u-late"]
    assert batch.world.rows.scans[ENROLMENTS] == 0


def test_one_look_serves_all_batches_of_a_run(batch: Rebuilding) -> None:
    rebuilt = batch.rebuild(COURSE_BATCH, OTHER_BATCH, CourseBatch("do_none", "B"))
    assert [one.tally.learners for one in rebuilt.values()] == [7, 1, 0]
    assert batch.learners.aggregates("u-ada") == {"do_9001": 1.0, "unit_a": 1.0}
    assert batch.world.rows.scans[ENROLMENTS] == 1


@pytest.mark.parametrize("size", [1, 2, 3, 7, 500])
def test_the_size_of_chunks_does_not_matter(tmp_path: Path, size: int) -> None:
    whole, cut = rebuilding(tmp_path / "whole"), rebuilding(tmp_path / "cut")
    expected, found = whole.one().tally, cut.one(chunk_learners=size).tally
    found.seconds = expected.seconds
    assert found == expected
    assert cut.learners.state() == whole.learners.state()
    assert sorted(certified(cut)) == sorted(certified(whole))


# --- courses without leaf nodes


@pytest.mark.parametrize(("status", "units"), [("Live", 0), ("Retired", 1)])
def test_without_leaf_nodes_only_the_units_of_a_retired_course_are_computed(
    batch: Rebuilding, status: str, units: int
) -> None:
    batch.world.caches.database("redis", 10).pop("do_9300:do_9300:leafnodes")
    batch.world.collections.answers["do_9300"] = StatusFound(status)
    tally = batch.one().tally
    assert tally.rows == ({"user_activity_agg": 3} if units else {})
    assert tally.left_out == {"nothing consumed": 1, "retired course" if units else "missing leaf nodes": 6}
    assert tally.warnings == [f"missing leaf nodes for collection do_9300 (status {status})"]
    assert batch.world.broker.published == []


# --- dry run


def test_a_dry_run_reports_the_same_and_changes_nothing(batch: Rebuilding) -> None:
    before = batch.world.rows.state()
    dry = batch.one(dry_run=True)
    assert batch.world.rows.state() == before
    assert batch.world.rows.written == []
    assert batch.world.broker.published == []
    assert batch.store.keys() == []
    real = batch.one()
    real.tally.seconds = dry.tally.seconds
    assert dry.tally == real.tally
    assert real.changes == []


def test_a_dry_run_shows_each_change_without_the_learners_ids(batch: Rebuilding) -> None:
    changes = batch.one(dry_run=True).changes
    shown = {(change.learner, change.activity_id, change.column, change.before, change.after) for change in changes}
    assert ("u-u…", "unit_k", "aggregates[completedCount]", 5, 1.0) in shown
    assert ("u-be…", "do_9300", "status", 0, 1) in shown
    assert not [user for user in WRONG for change in changes if user in str(change)]
    # Status and progress of two, the status of a third; no times.
    assert len([change for change in changes if change.table == "user_enrolments"]) == 5


def test_a_dry_run_leaves_a_killed_run_as_it_is(batch: Rebuilding) -> None:
    kept = KeptRebuild(batch.store, COURSE_BATCH)
    progress = Progress("r-1", STARTED_MS, "run-0", chunks=3, done=1)
    kept.write_progress(progress)
    batch.rebuild(dry_run=True)
    assert kept.progress() == progress


# --- going on


def test_an_outage_ends_the_run_and_the_next_goes_on(batch: Rebuilding) -> None:
    world = batch.world
    broker = world.broker = FailingBroker(world.journal)
    broker.messages_before_failure = 1
    with pytest.raises(ServiceUnavailable):
        batch.one(chunk_learners=2)
    broker.messages_before_failure = None
    rebuilt = batch.one(chunk_learners=2)
    assert rebuilt.went_on
    assert (rebuilt.tally.learners, rebuilt.tally.differed, rebuilt.tally.completed) == (7, 4, 2)
    assert world.rows.scans[ENROLMENTS] == 1
    assert sorted(set(certified(batch))) == ["u-finished", "u-late"]
    assert len({message.value for message in broker.published}) == 4


def test_who_was_completed_by_somebody_else_meanwhile_is_not_asked_for_again(batch: Rebuilding) -> None:
    world = batch.world
    broker = world.broker = FailingBroker(world.journal)
    broker.messages_before_failure = 0
    with pytest.raises(ServiceUnavailable):
        batch.one()
    broker.messages_before_failure = None
    batch.learners.publish_edata(
        {"action": "user-enrolment-sync", "userId": "u-late", "batchId": "B-800", "courseId": "do_9300"}
    )
    # The rebuild's write did not arrive; the learner's own request completes the enrolment.
    key = {"userid": "u-late", "courseid": "do_9300", "batchid": "B-800"}
    for cell in ("status", "completedon"):
        world.rows._cells[ENROLMENTS][frozenset(key.items())][cell] = (0, 1)
    batch.learners.run(STARTED + 90)
    assert certified(batch) == ["u-late"]
    batch.one()
    assert certified(batch) == ["u-late", "u-finished"]


def test_another_attempt_of_the_same_run_does_not_repeat_a_finished_batch(batch: Rebuilding) -> None:
    results = batch.results((COURSE_BATCH, OTHER_BATCH), attempts_of="run")
    _, first = next(results)
    results.close()
    again = batch.rebuild(COURSE_BATCH, OTHER_BATCH, attempts_of="run")
    assert again[COURSE_BATCH].tally == first.tally
    assert again[COURSE_BATCH].tally.differed == 4
    assert batch.learners.aggregates("u-ada") == {"do_9001": 1.0, "unit_a": 1.0}
    assert batch.world.rows.scans[ENROLMENTS] == 1


def test_what_stays_of_a_finished_rebuild_names_no_learner(batch: Rebuilding, tmp_path: Path) -> None:
    batch.one(users=("u-late", "u-right"))
    kept = list((tmp_path / "activity-aggregates-rebuild" / COURSE_BATCH.key).iterdir())
    assert [file.name for file in kept] == ["progress.msgpack.zst"]
    progress = KeptRebuild(batch.store, COURSE_BATCH).progress()
    assert progress is not None
    assert "u-late" not in repr(progress)


def test_a_batch_with_very_long_ids_is_kept_too(batch: Rebuilding) -> None:
    long = CourseBatch("ü" * 100, "B" * 100)
    assert batch.rebuild(long)[long].tally.learners == 0
    assert len(batch.store.keys()) == 1


ASKED = Request("run-1")
OPEN = {"id": "r", "began_ms": STARTED_MS, "attempts_of": "run-0"}


@pytest.mark.parametrize(
    ("found", "request_", "now_ms", "expected"),
    [
        (None, ASKED, STARTED_MS, "anew"),
        (Progress(**OPEN), ASKED, STARTED_MS, "go on"),
        (Progress(**OPEN), Request("run-1", start_over=True), STARTED_MS, "anew"),
        (Progress(**OPEN), Request("run-1", users=("u",)), STARTED_MS, "anew"),
        (Progress(**OPEN, for_whom=Request("r", ("b", "a")).for_whom), Request("x", ("a", "b")), STARTED_MS, "go on"),
        (Progress(**OPEN), ASKED, STARTED_MS + GO_ON_WITHIN_MS, "anew"),
        (Progress(**OPEN, finished=True), ASKED, STARTED_MS, "anew"),
        (Progress(**OPEN, finished=True), Request("run-0"), STARTED_MS, "nothing to do"),
        (Progress(**OPEN, finished=True), Request("run-0", start_over=True), STARTED_MS, "anew"),
    ],
)
def test_how_a_rebuild_begins(found: Progress | None, request_: Request, now_ms: int, expected: str) -> None:
    assert beginning(found, request_, now_ms) == expected
