"""Buckets cover every token once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.jobs.user_cache_indexer.buckets import Bucket, all_buckets

pytestmark = pytest.mark.rules


@pytest.mark.parametrize("count", [1, 3, 256])
def test_the_buckets_cover_every_token_once(count: int) -> None:
    buckets = all_buckets(count)
    assert buckets[0].tokens[0] == -(2**63)
    assert buckets[-1].tokens[1] == 2**63 - 1
    assert all(after.tokens[0] == before.tokens[1] + 1 for before, after in pairwise(buckets))
    for bucket in buckets:
        assert [Bucket.of(token, count) for token in bucket.tokens] == [bucket, bucket]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(1, 10_000))
def test_a_token_is_in_its_bucket(token: int, count: int) -> None:
    first, last = Bucket.of(token, count).tokens
    assert first <= token <= last


def test_keys_say_of_how_many() -> None:
    assert Bucket.parse(Bucket(7, 256).key) == Bucket(7, 256)
    assert Bucket(7, 256).key == "007-of-256"


@pytest.mark.parametrize("key", ["7", "256-of-256", "x-of-256", "1-of-", "-of-2", ""])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="007-of-256"):
        Bucket.parse(key)
