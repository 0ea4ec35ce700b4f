"""Worked examples of contract user-ownership-transfer (section 11)."""

from __future__ import annotations

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.batch_ownership import MemberRefused
from lern_pipeline_tests.jobs.user_ownership_transfer.course_batches import TABLE, CourseBatches

pytestmark = pytest.mark.contracts


def test_e1_creator_of_one_batch_mentor_of_another(there: CourseBatches) -> None:
    there.member("U-old", "org-1")
    there.batch("B1", "U-old")
    there.batch("B2", "x", ["M1", "U-old"])
    there.transfer()
    plan = there.run().plan
    assert there.both("B1") == ("U-new", [])
    assert there.both("B2") == ("x", ["M1", "U-new"])
    assert there.world.ownership.members.asked == ["U-old", "U-new"]
    assert {name: plan.metrics[name] for name in (
        "total-transfer-events-count", "api-read-success-count", "db-update-success-count", "skipped-message-count",
        "success-message-count",
    )} == {
        "total-transfer-events-count": 1, "api-read-success-count": 2, "db-update-success-count": 2,
        "skipped-message-count": 0, "success-message-count": 1,
    }  # fmt: skip


def test_e2_a_mentor_who_is_there_twice(there: CourseBatches) -> None:
    there.batch("B3", "x", ["U-old", "U-old", "U-new"])
    there.transfer()
    there.run()
    assert there.both("B3") == ("x", ["U-new"])


def test_e3_another_organisation(there: CourseBatches) -> None:
    there.member("U-new", "ORG-2")
    there.batch("B1", "U-old")
    there.transfer()
    plan = there.run().plan
    assert there.both("B1") == ("U-old", [])
    assert there.world.ownership.documents.searched == []
    assert plan.account.skipped == {"the new owner is of another organisation": 1}
    assert plan.metrics["api-read-success-count"] == 2


def test_e4_the_old_owner_is_deleted(there: CourseBatches) -> None:
    there.answers("U-old", MemberRefused(400))
    there.batch("B1", "U-old")
    there.transfer()
    plan = there.run().plan
    assert there.both("B1") == ("U-old", [])
    assert there.world.ownership.members.asked == ["U-old"]
    assert plan.account.skipped == {"user read of the old owner answered 400": 1}
    assert plan.metrics["api-read-success-count"] == 0


def test_e5_the_search_fails(there: CourseBatches, monkeypatch: pytest.MonkeyPatch) -> None:
    there.batch("B1", "U-old")
    there.transfer()

    def down(*_: object) -> None:
        raise ServiceUnavailable("LMS service", "http://lms", "answered 503", 503)

    with monkeypatch.context() as patched, pytest.raises(ServiceUnavailable):
        patched.setattr(there.world.ownership.documents, "open_batches", down)
        there.run()
    assert there.both("B1") == ("U-old", [])
    assert not there.world.rows.written
    there.execute(there.keys[0])
    assert there.both("B1") == ("U-new", [])


def test_e6_twenty_three_batches(there: CourseBatches) -> None:
    batches = [f"B{number:02}" for number in range(23)]
    for batch in batches:
        there.batch(batch, "U-old")
    there.transfer()
    plan = there.run().plan
    assert [there.both(batch) for batch in batches] == [("U-new", [])] * 23
    assert plan.metrics["db-update-success-count"] == 3
    assert plan.rows_by_table()[TABLE] == 23
