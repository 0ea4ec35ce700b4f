"""Transfers one by one and many in a batch (contract 2 to 8)."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.events.validation import Skip
from lern_pipeline.jobs.user_ownership_transfer.course_batch import CourseBatch
from lern_pipeline.jobs.user_ownership_transfer.rules import MORE_BATCHES, SINGLE_ASSET
from lern_pipeline.jobs.user_ownership_transfer.transfer_event import Transfer, ownership_transfer
from lern_pipeline.microbatch.batch_ownership import BatchKey, MemberRefused, MemberUnclear, OpenBatches
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import STARTED
from lern_pipeline_tests.jobs.user_ownership_transfer.conftest import Make
from lern_pipeline_tests.jobs.user_ownership_transfer.course_batches import TABLE, CourseBatches, transferring

pytestmark = pytest.mark.rules


@pytest.mark.parametrize(
    "edata",
    [
        None,
        "text",
        {},
        {"fromUserId": "U-old"},
        transferring(fromUserProfile=None),
        transferring(toUserProfile=[]),
        transferring(old=None),
        transferring(old=5),
        transferring(old=" "),
        transferring(new={"id": "U-new"}),
        transferring(new="x" * 40_000),
        transferring(organisationId=7),
    ],
    ids=lambda edata: str(edata)[:60],
)
def test_what_cannot_be_used_is_skipped_and_parked(edata: Any) -> None:
    work = ownership_transfer({"edata": edata})
    assert isinstance(work, Skip)
    assert work.error is not None


@pytest.mark.parametrize(
    "edata", [transferring(old=""), transferring(new=""), transferring(old="", new=""), transferring("U", "U")], ids=str
)
def test_empty_ids_and_one_user_twice_are_skipped_and_not_parked(edata: Any) -> None:
    work = ownership_transfer({"edata": edata})
    assert isinstance(work, Skip)
    assert work.error is None


def test_nothing_else_is_needed() -> None:
    edata = {"fromUserProfile": {"userId": "a"}, "toUserProfile": {"userId": " b"}}
    assert ownership_transfer({"edata": edata, "ets": "x", "context": 5}) == Transfer("a", " b", None, False)


@pytest.mark.parametrize(
    ("row", "after"),
    [
        (CourseBatch("o", ("m", "o")), CourseBatch("n", ("m", "n"))),
        (CourseBatch("o", ("o", "m", "n", "m")), CourseBatch("n", ("n", "m"))),
        (CourseBatch("x", ("n", "m", "o")), CourseBatch("x", ("n", "m"))),
        # Whoever is listed twice stays so where nothing is handed over.
        (CourseBatch("o", ("m", "m")), CourseBatch("n", ("m", "m"))),
        (CourseBatch("o2", ("o2", "oo", "O")), CourseBatch("o2", ("o2", "oo", "O"))),
        (CourseBatch(None, ("o",)), CourseBatch(None, ("n",))),
        (CourseBatch(None), CourseBatch(None)),
    ],
)
def test_the_new_owner_stands_where_the_old_one_stood_and_nowhere_else(row: CourseBatch, after: CourseBatch) -> None:
    assert row.handed_over("o", "n") == after


def test_a_transfer_of_what_one_has_just_got_ends_with_the_last(there: CourseBatches) -> None:
    there.member("U-third")
    there.batch("B1", "U-old", ["U-old"])
    there.batch("B2", "U-new", ["M1", "U-old"])
    there.transfer()
    # In the other partition, and later.
    there.transfer("U-new", "U-third", partition=1)
    there.world.broker.partitions[1][0] = _later(there.world.broker.partitions[1][0])
    account = there.run().account
    assert account.processed == 2
    assert there.both("B1") == ("U-third", ["U-third"])
    assert there.both("B2") == ("U-third", ["M1", "U-third"])
    assert [len(writes.rows) for writes in there.world.rows.written] == [2]


def _later(record: Any) -> Any:
    return type(record)(record.partition, record.offset, record.timestamp + 1000, record.key, record.value)


def test_there_and_back_again_in_one_batch_changes_nothing(there: CourseBatches) -> None:
    there.batch("B1", "U-old", ["M1", "U-old"])
    before = there.whole_state()
    there.transfer()
    there.transfer("U-new", "U-old")
    assert there.run().account.processed == 2
    assert there.whole_state() == before
    assert not there.world.rows.written


def test_cassandra_is_the_truth_and_documents_follow(there: CourseBatches) -> None:
    there.batch("B1", "x", ["M1"])
    there.batch("B2", "U-old")
    # The index lags behind.
    there.document("B1", "U-old", ["U-old"])
    there.transfer()
    plan = there.run().plan
    assert there.both("B1") == ("x", ["M1"])
    assert there.both("B2") == ("U-new", [])
    assert (plan.metrics["batches-handed-over"], plan.metrics["batches-left-alone"]) == (1, 1)


def test_a_row_without_mentors_leaves_those_of_the_document(there: CourseBatches) -> None:
    there.row("B1", "U-old")
    there.document("B1", "U-old", ["U-old-2", "M1"])
    there.transfer()
    there.run()
    assert there.shown("B1") == ("U-new", ["U-old-2", "M1"])


def test_a_row_without_creator_leaves_that_of_the_document(there: CourseBatches) -> None:
    there.row("B1", None, ["U-old"])
    there.document("B1", "x", ["U-old"])
    there.transfer()
    there.run()
    assert there.owners("B1") == (None, ["U-new"])
    assert there.shown("B1") == ("x", ["U-new"])


def test_a_missing_row_makes_no_row_and_changes_no_document(there: CourseBatches) -> None:
    there.document("B1", "U-old")
    there.transfer()
    result = there.run()
    assert there.world.rows.rows(TABLE) == []
    assert there.shown("B1") == ("U-old", [])
    assert result.plan.metrics["batches-without-row"] == 1
    assert result.warnings == ["1 batches of the search have no row: none was made"]


def test_a_missing_document_is_passed_over_and_told_of(there: CourseBatches) -> None:
    there.row("B1", "U-old")
    there.batch("B2", "U-old")
    both = OpenBatches((BatchKey("C-B1", "B1"), BatchKey("C-B2", "B2")), without_key=3)
    there.world.ownership.documents.stale["U-old"] = both
    there.transfer()
    result = there.run()
    assert there.owners("B1") == there.both("B2") == ("U-new", [])
    assert "B1" not in there.world.ownership.documents.documents
    assert result.plan.metrics["documents-missing"] == 1
    assert result.warnings == [
        "3 entries of the search lack a course or a batch",
        "1 batches have no search document: none was made",
    ]


def test_batches_that_have_ended_keep_their_owner(there: CourseBatches) -> None:
    for status in (0, 1, 2):
        there.batch(f"B{status}", "U-old", ["U-old"], status=status)
    there.transfer()
    there.run()
    assert [there.both(f"B{status}")[0] for status in (0, 1, 2)] == ["U-new", "U-new", "U-old"]


def test_no_other_column_is_written(there: CourseBatches) -> None:
    there.batch("B1", "U-old", ["M1"])
    there.batch("B2", "x", ["U-old"])
    there.batch("B3", "U-old", ["U-old"])
    there.transfer()
    there.run()
    assert sorted(writes.set for writes in there.world.rows.written) == [
        ("createdby",),
        ("createdby", "mentors"),
        ("mentors",),
    ]
    assert not any(writes.put or writes.insert for writes in there.world.rows.written)


@pytest.mark.parametrize(
    ("identifier", "organisation", "reason"),
    [
        ("u-OLD", "oRg-1", None),
        ("other", "ORG-1", "user read of the old owner is of another user"),
        ("", "ORG-1", "user read of the old owner is of another user"),
        ("U-old", "", "the old owner is of another organisation"),
    ],
)
def test_ids_are_compared_ignoring_case(
    there: CourseBatches, identifier: str, organisation: str, reason: str | None
) -> None:
    there.world.ownership.members.answers["U-old"] = type(there.world.ownership.members.answers["U-old"])(
        identifier, organisation
    )
    there.batch("B1", "U-old")
    there.transfer()
    account = there.run().account
    assert account.skipped == ({} if reason is None else {reason: 1})
    assert there.both("B1")[0] == ("U-new" if reason is None else "U-old")


@pytest.mark.parametrize("organisation", [None, ""])
def test_an_event_without_organisation_is_nobodys(there: CourseBatches, organisation: str | None) -> None:
    there.member("U-old", "")
    there.batch("B1", "U-old")
    there.transfer(organisationId=organisation)
    assert there.run().account.skipped == {"the old owner is of another organisation": 1}
    assert there.world.ownership.members.asked == ["U-old"]


def test_an_answer_that_cannot_be_used_fails_its_event_alone(there: CourseBatches) -> None:
    there.member("U-third")
    there.answers("U-odd", MemberUnclear("answered 200 without a JSON object"))
    there.batch("B1", "U-old")
    there.transfer("U-third", "U-odd")
    there.transfer()
    account = there.run().account
    assert account.failed == {"user read of the new owner answered 200 without a JSON object": 1}
    assert account.processed == 1
    assert there.both("B1")[0] == "U-new"
    assert there.failed() == ["user read of the new owner answered 200 without a JSON object"]


@pytest.mark.parametrize(("status", "accepted"), [(400, True), (404, True), (410, False)])
def test_a_deleted_user_hands_over_where_that_is_allowed(make: Make, status: int, accepted: bool) -> None:
    there = make(transfer_from_deleted_enabled="true")
    there.answers("U-old", MemberRefused(status))
    there.batch("B1", "U-old")
    there.transfer()
    account = there.run().account
    assert (account.processed, account.skipped_total) == ((1, 0) if accepted else (0, 1))
    assert there.both("B1")[0] == ("U-new" if accepted else "U-old")


def test_nobody_who_is_deleted_gets_anything(make: Make) -> None:
    there = make(transfer_from_deleted_enabled="true")
    there.answers("U-new", MemberRefused(400))
    there.batch("B1", "U-old")
    there.transfer()
    assert there.run().account.skipped == {"user read of the new owner answered 400": 1}


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_a_request_for_a_single_asset_moves_all_batches_unless_told_otherwise(make: Make, enabled: str) -> None:
    there = make(transfer_with_single_asset_enabled=enabled)
    there.batch("B1", "U-old")
    there.transfer(assetInformation={"objectType": "QuestionSet", "identifier": "do_1"})
    account = there.run().account
    assert account.skipped == ({} if enabled == "true" else {SINGLE_ASSET: 1})
    assert there.both("B1")[0] == ("U-new" if enabled == "true" else "U-old")
    assert bool(there.world.ownership.members.asked) is (enabled == "true")


def test_more_batches_than_the_search_gives_out_are_handed_over_in_several_events(there: CourseBatches) -> None:
    there.batch("B1", "U-old")
    there.batch("B2", "U-old")
    there.world.ownership.documents.stale["U-old"] = OpenBatches((BatchKey("C-B1", "B1"),), is_complete=False)
    there.transfer()
    assert there.run().account.failed == {MORE_BATCHES: 1}
    assert (there.both("B1")[0], there.both("B2")[0]) == ("U-new", "U-old")
    there.world.ownership.documents.stale.clear()
    there.transfer()
    assert there.run(STARTED + 60).account.processed == 1
    assert there.both("B2")[0] == "U-new"


def test_a_rerun_leaves_alone_what_was_transferred_and_does_the_rest(there: CourseBatches) -> None:
    there.answers("U-third", MemberRefused(404))
    there.batch("B1", "U-old")
    there.batch("B3", "U-new-2")
    there.member("U-new-2")
    there.transfer()
    there.transfer("U-new-2", "U-third")
    assert there.run().account.skipped_total == 1
    # Given back meanwhile, and the other user is there now.
    there.transfer("U-new", "U-old")
    there.run(STARTED + 60)
    there.member("U-third")
    rerun = there.execute(there.keys[0], STARTED + 120, rerun=True)
    assert rerun.account.processed == 2
    assert there.both("B1")[0] == "U-old"
    assert there.both("B3")[0] == "U-third"


def test_a_rerun_mends_documents(there: CourseBatches) -> None:
    there.batch("B1", "U-old", ["M1", "U-old"])
    there.transfer()
    there.run()
    # The index was set up again from a copy.
    there.document("B1", "U-old", ["M1", "U-old"])
    there.execute(there.keys[0], STARTED + 60, rerun=True)
    assert there.both("B1") == ("U-new", ["M1", "U-new"])


def test_a_late_attempt_puts_no_old_owner_back(there: CourseBatches, monkeypatch: pytest.MonkeyPatch) -> None:
    there.batch("B1", "U-old", ["U-old"])
    there.transfer()

    def down(*_: object) -> None:
        raise ServiceUnavailable("search cluster", "localhost:9200", "answered 503", 503)

    with monkeypatch.context() as patched, pytest.raises(ServiceUnavailable):
        patched.setattr(there.world.ownership.documents, "update", down)
        there.run()
    assert there.owners("B1") == ("U-new", ["U-new"])
    # The LMS has given the batch to somebody else before the cluster is there again.
    there.world.rows.update_if_exists(TABLE, {"courseid": "C-B1", "batchid": "B1"}, {"createdby": "x"})
    there.execute(there.keys[0])
    assert there.both("B1") == ("x", ["U-new"])


def test_searches_and_reads_come_before_writes_and_documents_after(there: CourseBatches) -> None:
    there.batch("B1", "U-old")
    there.transfer()
    there.run()
    steps = there.world.journal
    assert [step for step in steps if step not in ("read", "commit")] == [f"rows {TABLE}", "documents course-batch"]


def test_each_user_is_read_and_searched_for_once(there: CourseBatches) -> None:
    there.member("U-third")
    for _ in range(3):
        there.transfer()
        there.transfer("U-new", "U-third")
    assert there.run().account.processed == 6
    assert there.world.ownership.members.asked == ["U-new", "U-old", "U-third"]
    assert there.world.ownership.documents.searched == ["U-new", "U-old"]
