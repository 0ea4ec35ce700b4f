"""Users' ids in bytes: whole ids, whatever stands around them."""

from __future__ import annotations

import msgspec
import pytest

from lern_pipeline.jobs.deletion_proof.named import Named

pytestmark = pytest.mark.rules

UUID = "95e4942d-cbe8-477d-aebd-ad8e6de4bfc8"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"userId":"u-1"}', {"u-1"}),
        (b'{"userId":"u-12"}', set()),
        (b'{"userId":"xu-1"}', set()),
        (b"user:u-1", {"u-1"}),
        (b"f:fp1:u-1 and u-9.x", {"u-1", "u-9.x"}),
        (b'{"userId":"u-9yx"}', set()),
        (b"", set()),
        (f"before{UUID}after".encode(), {UUID}),
    ],
)
def test_whole_ids_are_found(content: bytes, found: set[str]) -> None:
    assert Named(["u-1", "u-9.x", UUID]).in_bytes(content) == found


@pytest.mark.parametrize("length", range(1, 140))
def test_an_id_is_found_in_what_plans_are_written_in(length: int) -> None:
    user = "u" * length
    plan = msgspec.msgpack.encode({"rows": [[user, 2]], "text": f'{{"id":"{user}"}}'})
    assert Named([user]).in_bytes(plan) == {user}


def test_of_an_id_that_begins_another_both_are_found() -> None:
    assert Named(["ada", "ada lovelace"]).in_bytes(b'"ada lovelace", "ada"') == {"ada", "ada lovelace"}


def test_nobody_is_found_where_nobody_is_sought() -> None:
    assert Named([]).in_bytes(b"anything") == frozenset()


def test_ids_that_are_no_utf_8_or_look_like_patterns_are_sought_as_they_are() -> None:
    assert Named([".*", "a|b", "\ud800"]).in_bytes(b'"a|b"') == {"a|b"}
