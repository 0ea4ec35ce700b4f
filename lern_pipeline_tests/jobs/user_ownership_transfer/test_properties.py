"""Whatever batches there are and whoever hands them over. What holds of any stream: ``jobs/test_any_stream.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import STARTED
from lern_pipeline_tests.jobs.user_ownership_transfer.course_batches import CourseBatches, Owners, course_batches

pytestmark = pytest.mark.rules

USERS = ("a", "b", "c", "d")
#: Of another organisation, unknown, and one whose id contains another's.
OTHERS = ("other", "unknown", "a-2")

everybody = st.sampled_from((*USERS, *OTHERS))
owners = st.tuples(st.none() | everybody, st.none() | st.lists(everybody, max_size=4), st.sampled_from([0, 1, 1, 2]))
#: By batch id.
owned = st.dictionaries(st.sampled_from([f"B{number}" for number in range(6)]), owners, max_size=6)
#: In any order, there and back again.
any_transfers = st.lists(st.tuples(everybody, everybody), min_size=1, max_size=6)


def _in_turn(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Nobody gets anything after having handed over."""
    order = (*USERS, *OTHERS)
    return sorted(
        (tuple(sorted(pair, key=order.index)) for pair in pairs),  # type: ignore[misc]
        key=lambda pair: order.index(pair[0]),
    )


transfers = any_transfers.map(_in_turn)


def batches_of(base: str, given_: dict[str, tuple[str | None, list[str] | None, int]]) -> CourseBatches:
    """Rows and documents of the batches, and the users."""
    there = course_batches(base)
    for user in (*USERS, "a-2"):
        there.member(user)
    there.member("other", "ORG-2")
    for batch, (created_by, mentors, status) in given_.items():
        there.row(batch, created_by, mentors, status)
        there.document(batch, created_by, mentors, status)
    return there


def run(there: CourseBatches, pairs: Sequence[tuple[str, str]], now: float = STARTED) -> None:
    for pair in pairs:
        there.transfer(*pair)
    there.run(now)


def forget(there: CourseBatches) -> None:
    for key in there.keys:
        BatchStore(there.base, there.job.name).delete(str(key))


def expected(before: Owners, pairs: Sequence[tuple[str, str]]) -> Owners:
    """What the contract says of one batch that has not ended, transfer by transfer (D10)."""
    created_by, mentors = before
    for old, new in pairs:
        if old == new or {old, new} & {"other", "unknown"}:
            continue
        if created_by == old:
            created_by = new
        if old in mentors:
            replaced = [new if mentor == old else mentor for mentor in mentors]
            mentors = [mentor for number, mentor in enumerate(replaced) if mentor not in replaced[:number]]
    return created_by, mentors


@settings(max_examples=60)
@given(owned, any_transfers)
def test_every_batch_ends_with_whom_the_transfers_say_one_after_the_other(
    given_: dict[str, Any], pairs: list[tuple[str, str]]
) -> None:
    there = batches_of(f"memory://{uuid4()}", given_)
    run(there, pairs)
    for batch, (created_by, mentors, status) in given_.items():
        before = (created_by, mentors or [])
        assert there.owners(batch) == (before if status == 2 else expected(before, pairs))
    forget(there)


@settings(max_examples=60)
@given(owned, owned, any_transfers, st.data())
def test_the_cut_does_not_matter_where_documents_have_fallen_behind_either(
    given_: dict[str, Any], shown: dict[str, Any], pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(pairs))))
    whole, cut = (batches_of(f"memory://{uuid4()}", given_) for _ in range(2))
    for there in (whole, cut):
        for batch, (created_by, mentors, status) in shown.items():
            if batch in given_:
                # What ends a batch is nobody's ownership.
                there.document(batch, created_by, mentors, min(status, 1))
    run(whole, pairs)
    start = 0
    for end in sorted({*cuts, len(pairs)}):
        run(cut, pairs[start:end], STARTED + end)
        start = end
    assert cut.whole_state() == whole.whole_state()
    forget(whole)
    forget(cut)


@settings(max_examples=40)
@given(owned, any_transfers, any_transfers)
def test_a_rerun_changes_nothing_whatever_came_later(
    given_: dict[str, Any], first: list[tuple[str, str]], later: list[tuple[str, str]]
) -> None:
    there = batches_of(f"memory://{uuid4()}", given_)
    run(there, first)
    run(there, later, STARTED + 60)
    state = there.whole_state()
    for number, key in enumerate(there.keys):
        there.execute(key, STARTED + 3600 * (number + 1), rerun=True)
        assert there.whole_state() == state
    forget(there)
