"""Ids of people as operators see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.microbatch.masked_id import masked_id

pytestmark = pytest.mark.rules


@given(st.text())
def test_at_least_half_of_an_id_is_hidden_and_all_but_four_characters(user: str) -> None:
    shown = masked_id(user).removesuffix("…")
    assert user.startswith(shown)
    assert len(shown) <= min(4, len(user) / 2)


def test_a_user_whom_one_knows_is_recognised() -> None:
    assert masked_id("9f2c1d30-aaaa-bbbb-cccc-1234567890ab") == "9f2c…"
