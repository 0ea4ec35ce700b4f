"""A proof: every place is looked into, and one that does not answer keeps no other from being asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.jobs.deletion_proof.proof import prove
from lern_pipeline.jobs.deletion_proof.trace import Trace
from lern_pipeline.microbatch.masked_id import masked_id
from lern_pipeline.orchestration.deletion_check import check_result

pytestmark = pytest.mark.rules


def left(users: Sequence[str]) -> Iterator[Trace]:
    yield from (Trace(user, "sunbird.user_lookup", "1 row of type email") for user in users)


def staying(users: Sequence[str]) -> Iterator[Trace]:
    yield from (Trace(user, "sunbird.user", "blanked row", "the row stays") for user in users)


def down(users: Sequence[str]) -> Iterator[Trace]:
    raise ServiceUnavailable("Keycloak", "keycloak:8080", "did not answer")
    yield


def test_it_holds_where_nothing_is_left_but_what_may_stay() -> None:
    proof = prove(["u-ada", "u-ada"], {"user": staying}, {"keycloak": "is not set"})
    assert proof.holds
    assert proof.users == 1
    result = check_result(proof)
    assert result.passed
    assert result.description == "1 user looked for: 0 traces left that should be gone; not looked into: keycloak"


def test_it_does_not_hold_where_something_is_left() -> None:
    proof = prove(["user-ada", "user-eve"], {"user": staying, "user_lookup": left}, {})
    assert [trace.user_id for trace in proof.left] == ["user-ada", "user-eve"]
    result = check_result(proof)
    assert not result.passed
    assert "2 traces left" in str(result.description)
    assert "user-ada" not in str(result)


def test_what_does_not_answer_is_told_and_the_others_are_asked() -> None:
    proof = prove(["u-ada"], {"keycloak": down, "user": staying}, {})
    assert not proof.holds
    assert not proof.left
    assert list(proof.not_asked) == ["keycloak"]
    assert len(proof.traces) == 1
    assert "not known of keycloak" in str(check_result(proof).description)


def test_without_users_nothing_is_asked() -> None:
    proof = prove([], {"keycloak": down}, {})
    assert proof.holds
    assert proof.users == 0


@pytest.mark.parametrize(("user", "shown"), [("95e4942d-cbe8", "95e4…"), ("u-9", "u…"), ("a", "…"), ("user-1", "use…")])
def test_ids_are_shown_masked(user: str, shown: str) -> None:
    assert masked_id(user) == shown
