"""Two planners may add a key at the same moment: everyone must agree which one counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.microbatch.chain import chain_of, is_unbroken
from lern_pipeline.microbatch.key import MicroBatchKey

pytestmark = pytest.mark.rules

POSITION = "20260101T000000Z_0.100"
FIRST = "20260101T000003Z_0.100-110"
ALSO_FIRST = "20260101T000004Z_0.100-112"
SECOND = "20260101T000010Z_0.110-130"
SECOND_OF_THE_OTHER = "20260101T000011Z_0.112-130"


def counted(texts: list[str]) -> list[str]:
    return [str(key) for key in chain_of(texts).keys]


def test_the_key_that_was_inserted_first_stays_and_the_other_is_a_stray() -> None:
    chain = chain_of([POSITION, FIRST, ALSO_FIRST])
    assert str(chain.newest) == FIRST
    assert chain.strays == (ALSO_FIRST,)


def test_insertion_order_decides_and_not_the_time_in_the_key() -> None:
    assert counted([POSITION, ALSO_FIRST, FIRST]) == [POSITION, ALSO_FIRST]


def test_what_follows_a_stray_is_a_stray_too() -> None:
    chain = chain_of([POSITION, FIRST, ALSO_FIRST, SECOND_OF_THE_OTHER, SECOND])
    assert list(map(str, chain.keys)) == [POSITION, FIRST, SECOND]
    assert chain.strays == (ALSO_FIRST, SECOND_OF_THE_OTHER)


def test_a_position_key_moves_the_lane_wherever_it_says() -> None:
    back = "20260101T000100Z_0.0"
    again = "20260101T000101Z_0.0-110"
    assert counted([POSITION, FIRST, back, again]) == [POSITION, FIRST, back, again]


def test_a_pruned_beginning_leaves_the_rest_whole() -> None:
    assert counted([SECOND, "20260101T000020Z_0.130-131"]) == [SECOND, "20260101T000020Z_0.130-131"]


def test_a_partition_added_to_the_topic_joins_the_chain() -> None:
    grown = "20260101T000010Z_0.110-130_1.0-4"
    assert counted([POSITION, FIRST, grown]) == [POSITION, FIRST, grown]


def test_what_is_no_key_counts_for_nothing() -> None:
    chain = chain_of(["by hand", POSITION, FIRST])
    assert str(chain.newest) == FIRST
    assert chain.strays == ("by hand",)


def test_an_empty_ledger_has_no_newest_key() -> None:
    assert chain_of([]).newest is None


def test_a_tail_that_begins_behind_a_fork_is_seen_to_be_broken() -> None:
    assert is_unbroken([POSITION, FIRST, SECOND])
    assert not is_unbroken([ALSO_FIRST, SECOND])


@st.composite
def ledgers_of_racing_planners(draw: st.DrawFn) -> list[str]:
    """Insertion orders that planners can bring about: each extends the newest key of what it last saw."""
    ledger = [POSITION]
    seen = [1] * draw(st.integers(2, 3))
    for second in range(draw(st.integers(1, 12))):
        planner = draw(st.integers(0, len(seen) - 1))
        if draw(st.booleans()):
            seen[planner] = len(ledger)
        newest = chain_of(ledger[: seen[planner]]).newest
        assert newest is not None
        start = newest.ends[0]
        ledger.append(f"20260102T0000{second:02d}Z_0.{start}-{start + draw(st.integers(1, 5))}")
    return ledger


@given(ledgers_of_racing_planners())
def test_racing_planners_always_end_up_with_one_gapless_chain(ledger: list[str]) -> None:
    chain = chain_of(ledger)
    for before, key in zip(chain.keys, chain.keys[1:], strict=False):
        assert key.follows(before)
    assert sorted([*map(str, chain.keys), *chain.strays]) == sorted(ledger)


@given(ledgers_of_racing_planners(), st.data())
def test_deleting_strays_at_any_moment_changes_nothing(ledger: list[str], data: st.DataObject) -> None:
    strays = chain_of(ledger).strays
    gone = data.draw(st.sets(st.sampled_from(strays))) if strays else set()
    assert chain_of([text for text in ledger if text not in gone]).keys == chain_of(ledger).keys


@given(ledgers_of_racing_planners(), st.integers(1, 10))
def test_whoever_has_seen_less_of_the_ledger_sees_a_beginning_of_the_same_chain(ledger: list[str], length: int) -> None:
    earlier: tuple[MicroBatchKey, ...] = chain_of(ledger[:length]).keys
    assert chain_of(ledger).keys[: len(earlier)] == earlier
