"""Ids that a repeated batch makes again."""

from __future__ import annotations

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.events.deterministic_ids import NAMESPACE, IdMaker
from lern_pipeline.events.record import Position

pytestmark = pytest.mark.rules


@given(st.text(), st.integers(0, 10**6), st.integers(0, 2**62), st.text())
def test_ids_are_uuids_of_version_5(topic: str, partition: int, offset: int, purpose: str) -> None:
    made = IdMaker("job", topic).make(Position(partition, offset), purpose)
    assert made == str(uuid5(NAMESPACE, f"job|{topic}|{partition}|{offset}|{purpose}"))
    assert UUID(made).version == 5


def test_job_topic_position_and_purpose_each_make_another_id() -> None:
    at = Position(0, 1)
    ids = {
        IdMaker("a", "t").make(at, "x"),
        IdMaker("b", "t").make(at, "x"),
        IdMaker("a", "u").make(at, "x"),
        IdMaker("a", "t").make(Position(1, 1), "x"),
        IdMaker("a", "t").make(Position(0, 2), "x"),
        IdMaker("a", "t").make(at, "y"),
    }
    assert len(ids) == 6
