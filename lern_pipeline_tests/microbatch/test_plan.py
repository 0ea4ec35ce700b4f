"""The plan as stored: nothing is lost, nothing changes its type, damage is noticed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.microbatch import plan_encoding
from lern_pipeline.microbatch.plan import (
    Account,
    CacheChange,
    CacheWrites,
    DeleteKey,
    Message,
    Plan,
    ReplaceSet,
    RowWrites,
    SetText,
)
from lern_pipeline.microbatch.plan_encoding import decode_plan, encode_plan

pytestmark = pytest.mark.rules

texts = st.text(max_size=12)
cells = st.one_of(
    st.none(),
    st.booleans(),
    texts,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.dictionaries(texts, st.one_of(st.integers(0, 9), st.floats(allow_nan=False)), max_size=3),
)
changes: st.SearchStrategy[CacheChange] = st.one_of(
    st.builds(ReplaceSet, texts, st.lists(texts, min_size=1, max_size=3).map(tuple)),
    st.builds(SetText, texts, texts, st.none() | st.integers(1, 10**6)),
    st.builds(DeleteKey, texts),
)
plans = st.builds(
    Plan,
    job=texts,
    key=texts,
    number=st.integers(1, 99),
    planned_at_ms=st.integers(0, 2**42),
    account=st.builds(Account, st.integers(0, 9), st.integers(0, 9), st.dictionaries(texts, st.integers(1, 9))),
    rows=st.lists(
        st.builds(
            RowWrites,
            texts,
            st.just(("k",)),
            st.just(("s",)),
            st.just(("p",)),
            st.lists(st.lists(cells, min_size=4, max_size=4), max_size=3),
        ),
        max_size=2,
    ),
    cache=st.lists(
        st.builds(CacheWrites, texts, st.integers(0, 15), st.lists(st.lists(changes, max_size=3), max_size=2)),
        max_size=2,
    ),
    messages=st.lists(
        st.builds(
            Message,
            texts,
            texts,
            st.binary(),
            st.none() | st.binary(),
            st.lists(st.tuples(texts, st.binary()), max_size=2),
        ),
        max_size=3,
    ),
    counted=st.lists(texts, max_size=3),
    metrics=st.dictionaries(texts, st.floats(allow_nan=False), max_size=3),
)


def stored_and_read(plan: Plan) -> Plan:
    return decode_plan(b"".join(encode_plan(plan)))


@given(plans)
def test_a_plan_survives_being_stored(plan: Plan) -> None:
    assert stored_and_read(plan) == plan


@given(plans, st.integers(1, 20))
def test_the_pieces_are_those_of_the_whole(plan: Plan, items_at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(plan_encoding, "ITEMS_AT_ONCE", items_at_once)
        assert b"".join(encode_plan(plan)) == msgspec.msgpack.encode(plan)


@pytest.mark.parametrize("length", [15, 16, 999, 1000, 1001, 65535, 65536])
def test_long_lists_are_encoded_in_pieces_none_of_which_holds_all(length: int) -> None:
    messages = [Message("id", "topic", b"some value")] * length
    rows = [["a", number] for number in range(length)]
    plan = Plan("j", "k", 1, 0, Account(), rows=[RowWrites("t", ("k",), rows=rows)], messages=messages)
    pieces = list(encode_plan(plan))
    assert b"".join(pieces) == msgspec.msgpack.encode(plan)
    assert max(map(len, pieces)) <= 1000 * 25 + 3


@pytest.mark.parametrize("value", [1.0, 0.0, -0.0])
def test_whole_numbers_stay_doubles(value: float) -> None:
    """Cassandra's driver refuses an integer for a map of doubles no more than it notices the other way round."""
    plan = Plan("j", "k", 1, 0, Account(), rows=[RowWrites("t", ("k",), (), ("m",), [["a", {"n": value}, 1]])])
    stored = stored_and_read(plan).rows[0].rows[0][1]["n"]
    assert isinstance(stored, float)


def test_every_kind_of_cache_change_comes_back_as_itself() -> None:
    written: list[CacheChange] = [ReplaceSet("a", ("b",)), SetText("c", ""), SetText("c", "", 9), DeleteKey("d")]
    plan = Plan("j", "k", 1, 0, Account(), last=[CacheWrites("redis", 13, [written])])
    assert stored_and_read(plan).last[0].transactions == [written]


@pytest.mark.parametrize(
    "damage", [b"", b"\x00", b"not a plan", b"".join(encode_plan(Plan("j", "k", 1, 0, Account())))[:-3]]
)
def test_a_damaged_plan_is_never_half_a_plan(damage: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_plan(damage)


def test_plans_do_not_share_their_lists() -> None:
    one, other = Plan("j", "k", 1, 0, Account()), Plan("j", "k", 2, 0, Account())
    one.messages.append(Message("a", "t", b""))
    assert other.messages == []


def test_an_account_balances_only_when_nothing_is_missing_and_nothing_is_invented() -> None:
    assert Account(6, 1, {"a": 2}, {"b": 1, "c": 2}).balances
    assert not Account(6, 1, {"a": 2}, {"b": 1, "c": 1}).balances
    assert not Account(6, 2, {"a": 2}, {"b": 1, "c": 2}).balances


def test_what_was_written_is_told_by_table_store_and_topic() -> None:
    plan = Plan(
        "j",
        "k",
        1,
        0,
        Account(),
        rows=[RowWrites("t", ("k",), rows=[["a", 1]]), RowWrites("t", ("k",), ("s",), rows=[["a", 2, 1], ["b", 2, 1]])],
        cache=[CacheWrites("redis", 10, [[DeleteKey("a"), DeleteKey("b")], [DeleteKey("c")]])],
        last=[CacheWrites("dedup-redis", 13, [[SetText("d", "")]])],
        messages=[Message("1", "x", b""), Message("2", "x", b""), Message("3", "y", b"")],
    )
    assert plan.rows_by_table() == {"t": 3}
    assert plan.keys_by_store() == {"redis/10": 3, "dedup-redis/13": 1}
    assert plan.messages_by_topic() == {"x": 2, "y": 1}
