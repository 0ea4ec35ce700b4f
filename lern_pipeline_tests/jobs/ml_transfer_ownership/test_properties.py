"""Whatever the transfers: how they are cut into batches and how often updates are made changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lern_pipeline.microbatch.plan import Plan
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline_tests.jobs.manage_learn.manage_learn import (
    P1,
    P2,
    P9,
    R1,
    R2,
    S1,
    S2,
    ManageLearn,
    handing_over,
    one,
    role,
    transfers,
)
from lern_pipeline_tests.microbatch.documents_in_memory import Document

pytestmark = pytest.mark.rules

USERS = ("u-a", "u-b", "u-c")
CODES = {"PM": R1, "HM": R2}
PROGRAMS = (P1, P2, P9)

owners = st.sampled_from(USERS)
elements = st.one_of(
    st.sampled_from(["junk", None, {"code": "PM"}, {"code": "HM", "programs": "text"}]),
    st.builds(
        lambda code, programs: role(CODES[code], code, *programs),
        st.sampled_from(sorted(CODES)),
        st.lists(st.sampled_from([*PROGRAMS, "no id"]), unique_by=str, max_size=3),
    ),
)
records = st.one_of(
    st.just({}),
    st.just({"platformRoles": None}),
    st.lists(elements, max_size=3).map(lambda roles: {"platformRoles": roles}),
)
assets = st.sampled_from([None, {}, one("solution", S1), one("solution", S2), *(one("program", p) for p in PROGRAMS)])
events = st.lists(
    st.builds(
        lambda users, asset, roles, name: handing_over(*users[:2], asset, tuple(roles), name),
        st.permutations(USERS),
        assets,
        st.lists(st.sampled_from([*CODES, "NOBODY"]), max_size=2),
        st.sampled_from(["Nila", "Pia", ""]),
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[Document]]:
    known = draw(st.sets(owners))
    return {
        "solutions": [
            {"_id": id, "author": draw(owners), "creator": "Old", "license": draw(st.sampled_from([None, {"x": 1}]))}
            for id in (S1, S2)
        ],
        "programs": [{"_id": id, "owner": draw(owners)} for id in PROGRAMS],
        "userRoles": [{"_id": id, "code": code} for code, id in CODES.items()],
        "userExtension": [{"_id": f"id-{name}", "userId": name, **draw(records)} for name in sorted(known)],
    }


@contextmanager
def platform(world: dict[str, list[Document]]) -> Iterator[ManageLearn]:
    made = transfers(f"memory://{uuid4()}")
    for collection, documents in world.items():
        made.give(collection, *documents)
    try:
        yield made
    finally:
        for key in made.keys:
            BatchStore(made.base, made.job.name).delete(str(key))


def run(there: ManageLearn, some: Sequence[Document]) -> Plan:
    for event in some:
        there.publish_edata(event)
    plan = there.run(1_800_000_000.0 + len(there.keys)).plan
    assert plan.account.processed == len(some)
    return plan


@settings(max_examples=150)
@given(worlds(), events, st.data())
def test_the_cut_into_batches_does_not_matter(
    world: dict[str, list[Document]], some: list[Document], data: st.DataObject
) -> None:
    cuts = sorted({*data.draw(st.sets(st.integers(1, len(some)))), len(some)})
    with platform(world) as whole, platform(world) as cut:
        run(whole, some)
        start = 0
        for end in cuts:
            run(cut, some[start:end])
            start = end
        assert cut.state() == whole.state()


@settings(max_examples=150)
@given(worlds(), events, st.data())
def test_updates_that_broke_off_anywhere_are_made_again(
    world: dict[str, list[Document]], some: list[Document], data: st.DataObject
) -> None:
    """A crash may come between any two updates: the stored plan is carried out from its beginning."""
    with platform(world) as there, platform(world) as broken:
        plan: Any = run(there, some)
        single = [
            msgspec.structs.replace(updates, updates=[update])
            for updates in plan.documents
            for update in updates.updates
        ]
        made = data.draw(st.integers(0, len(single)))
        for updates in [*single[:made], *plan.documents]:
            assert broken.world.documents.apply(updates) == []
        assert broken.state() == there.state()


@settings(max_examples=100)
@given(worlds(), events)
def test_nothing_is_lost_and_nobody_gets_a_second_record(
    world: dict[str, list[Document]], some: list[Document]
) -> None:
    with platform(world) as there:
        run(there, some)
        assert [document["_id"] for document in there.documents("solutions")] == [S1, S2]
        assert {document["author"] for document in there.documents("solutions")} <= set(USERS)
        assert {document["owner"] for document in there.documents("programs")} <= set(USERS)
        names = [document["userId"] for document in there.documents("userExtension")]
        assert len(names) == len(set(names))
