"""Gaps and overlaps between batches are found, and only those."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.microbatch.completeness import Fate, Finding, completeness
from lern_pipeline.microbatch.key import MicroBatchKey

pytestmark = pytest.mark.rules


def batches(*texts: str, fate: Fate = Fate.RUN) -> list[tuple[MicroBatchKey, Fate]]:
    return [(MicroBatchKey.parse(text), fate) for text in texts]


def test_batches_that_follow_each_other_are_complete() -> None:
    found = completeness(batches("20261101T000000Z_0.0-5_1.0", "20261101T000001Z_0.5-9_1.0-3"), {0: 0, 1: 0})
    assert found.complete
    assert found.batches == 2


def test_a_batch_that_is_missing_between_two_others_is_a_gap() -> None:
    found = completeness(batches("20261101T000000Z_0.0-5_1.0", "20261101T000002Z_0.9-12_1.0"), {0: 0, 1: 0})
    assert found.findings == [Finding("gap", 0, 5, 9, "20261101T000002Z_0.9-12_1.0")]
    assert not found.complete


def test_a_gap_that_lies_wholly_below_the_log_start_is_not_complained_of() -> None:
    ledger = batches("20261101T000000Z_0.0-5", "20261101T000002Z_0.9-12")
    assert completeness(ledger, {0: 9}).complete
    assert completeness(ledger, {0: 7}).findings[0].start == 7


def test_offsets_that_two_batches_cover_are_an_overlap() -> None:
    found = completeness(batches("20261101T000000Z_0.0-5", "20261101T000002Z_0.3-12"), {0: 0})
    assert found.findings == [Finding("overlap", 0, 3, 5, "20261101T000002Z_0.3-12")]


def test_a_rewind_is_listed_and_neither_gap_nor_overlap() -> None:
    found = completeness(batches("20261101T000000Z_0.0-5", "20261101T000001Z_0.0", "20261101T000002Z_0.0-5"), {0: 0})
    assert found.complete
    assert found.moves == ["20261101T000001Z_0.0"]


def test_a_skipped_batch_is_listed_and_its_range_counts_as_covered() -> None:
    ledger = batches("20261101T000000Z_0.0-5", fate=Fate.SKIPPED) + batches("20261101T000001Z_0.5-6")
    found = completeness(ledger, {0: 0})
    assert found.complete
    assert found.skipped == ["20261101T000000Z_0.0-5"]


def test_only_the_newest_batch_may_be_open() -> None:
    ledger = batches("20261101T000000Z_0.0-5", "20261101T000001Z_0.5-6", fate=Fate.OPEN)
    assert completeness(ledger, {0: 0}).open == ["20261101T000000Z_0.0-5"]


@given(st.lists(st.integers(1, 50), min_size=3, max_size=12), st.data())
def test_any_batch_taken_out_of_a_whole_ledger_is_missed(sizes: list[int], data: st.DataObject) -> None:
    ends = [sum(sizes[:index]) for index in range(len(sizes) + 1)]
    ledger = batches(*(f"20261101T0000{i:02d}Z_0.{ends[i]}-{ends[i + 1]}" for i in range(len(sizes))))
    assert completeness(ledger, {0: 0}).complete
    missing = data.draw(st.integers(1, len(ledger) - 2))
    found = completeness(ledger[:missing] + ledger[missing + 1 :], {0: 0})
    assert [(finding.start, finding.end) for finding in found.findings] == [(ends[missing], ends[missing + 1])]
