"""Wherever a batch dies, running it again ends as if nothing had happened: nothing of the user is left, one audit event
(contract user-deletion-cleanup 10, 12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch import effects_run as effects_run_module
from lern_pipeline.microbatch import run as run_module
from lern_pipeline_tests.jobs.user_deletion_cleanup.users import CLOCK, LAYOUT_A, LAYOUT_B, Users
from lern_pipeline_tests.microbatch.passed_boundaries import CRASHES
from lern_pipeline_tests.microbatch.test_crash import Crash, CrashingOnce
from lern_pipeline_tests.microbatch.test_effects import CrashingSecond

pytestmark = pytest.mark.rules

Delete = Callable[[str, Mapping[str, Any]], bool]

OF_CACHES = [("between-cache", 1), ("between-cache", 2)]
#: One for each step of 10.2: the removal, look-ups, identities, audit events.
MORE_STAGES = [("between-stages", nth) for nth in (3, 4)]


class CrashingNth(CrashingSecond):
    """Ends the run when the boundary is passed for the nth time."""

    def __init__(self, boundary: str, nth: int) -> None:
        super().__init__(boundary)
        self.nth = nth

    def __call__(self, name: str) -> None:
        self.passed += name == self.boundary
        if self.passed == self.nth:
            CrashingOnce.__call__(self, name)


def several(base: Path, layout: tuple[str, ...] = LAYOUT_A) -> Users:
    """Two who are still readable, one of whom Keycloak keeps, and one whom the service has deleted."""
    users = Users(str(base), layout=layout)
    users.whole("u-1", managed=("m-1",))
    users.whole("u-2")
    users.row("u-3", status=2)
    users.member("u-3")
    users.cached("u-3")
    users.blocked("u-3")
    users.row("m-3", firstname="Nila")
    users.world.logins.trouble["u-2"] = "DELETE: answered 500; GET: answered 500"
    users.delete("u-1", managed_users=["m-1"])
    users.delete("u-2")
    users.delete("u-3", managed_users=["m-3"])
    return users


@pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])
@pytest.mark.parametrize(("boundary", "nth"), [*CRASHES, *OF_CACHES, *MORE_STAGES])
def test_a_batch_that_dies_there_ends_as_if_it_had_not(
    boundary: str, nth: int, layout: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, calm = several(tmp_path / "killed", layout), several(tmp_path / "calm", layout)
    calm.run()
    crashing = CrashingNth(boundary, nth)
    with monkeypatch.context() as patched:
        patched.setattr(run_module, "crash_point", crashing)
        patched.setattr(effects_run_module, "crash_point", crashing)
        with pytest.raises(Crash):
            users.run()
    result = users.execute(users.keys[0], CLOCK)
    assert crashing.crashed
    assert users.state() == calm.state()
    assert users.audits() == calm.audits()
    assert users.parked() == calm.parked()
    assert (result.account.processed, result.account.failed_total) == (2, 1)
    ledger = users.world.ledger
    assert [line.to_whom for line in ledger.unfinished("user-deletion-cleanup")] == ["u-2"]


def test_the_values_that_find_the_lookups_outlive_the_row(tmp_path: Path) -> None:
    """Between the plan and the look-ups somebody else blanks the row."""
    users = several(tmp_path)
    users.world.logins.before = lambda user: users.world.rows.give("sunbird.user", {"id": user}, {"email": ""})
    users.run()
    assert users.lookups() == []


class GoesDown:
    """Stands in for a deletion: the nth one meets an outage, once."""

    def __init__(self, delete: Delete, nth: int) -> None:
        self._delete = delete
        self._until = nth

    def __call__(self, table: str, key: Mapping[str, Any]) -> bool:
        self._until -= 1
        if self._until == 0:
            raise ServiceUnavailable("Cassandra", "c:9042", "no answer")
        return self._delete(table, key)


@pytest.mark.parametrize("nth", range(1, 9))
def test_an_outage_of_cassandra_in_any_step_ends_the_batch_and_the_next_run_goes_on(
    nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, calm = several(tmp_path / "down"), several(tmp_path / "calm")
    calm.run()
    rows = users.world.rows
    monkeypatch.setattr(rows, "delete_if_exists", GoesDown(rows.delete_if_exists, nth))
    with pytest.raises(ServiceUnavailable):
        users.run()
    users.execute(users.keys[0], CLOCK)
    assert users.state() == calm.state()
    assert users.audits() == calm.audits()
