"""legacy-certificate-migrator: its worked examples (contract 13), and what happens when it dies on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.microbatch import effects_run as effects_run_module
from lern_pipeline.microbatch import run as run_module
from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline_tests.jobs.certificates.learners import REGISTRY, Platform, migration_platform
from lern_pipeline_tests.microbatch.passed_boundaries import PASSED
from lern_pipeline_tests.microbatch.test_crash import Crash, CrashingOnce

pytestmark = pytest.mark.contracts

OLD = {"name": "Merit Certificate", "identifier": "0c07-old", "token": "Q6F7D4"}
DATE = "2021-12-14T00:00:00Z"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    platform = migration_platform(tmp_path)
    platform.enrol(held=[OLD])
    platform.world.rows.give(REGISTRY, {"id": "0c07-old"}, {"isrevoked": False, "reason": None})
    platform.certificates.documents.indices["certs"] = {"0c07-old": {}}
    return platform


def ask(platform: Platform, **edata: Any) -> None:
    platform.ask(**{"identifier": "0c07-old", "oldId": "0c07-old", "issuedDate": DATE} | edata)


def row(platform: Platform) -> dict[str, Any]:
    found = platform.world.rows.row(REGISTRY, {"id": "0c07-old"})
    assert found is not None
    return found


def give_state(platform: Platform, reason: str) -> None:
    platform.world.rows.give(REGISTRY, {"id": "0c07-old"}, {"reason": reason})


def test_example_1_fresh(platform: Platform) -> None:
    ask(platform)
    result = platform.run()
    (certificate,) = platform.registry.created
    assert certificate["recipient"] == {"id": "u501", "name": "Asha", "type": "user"}
    assert (certificate["issuedOn"], certificate["oldId"]) == (DATE, "0c07-old")
    (entry,) = platform.held()
    assert (entry["identifier"], entry["lastIssuedOn"]) == ("1-1", DATE)
    (audit,) = platform.audits
    assert audit["edata"]["type"] == "certificate-migrated-svg"
    assert (row(platform)["reason"], row(platform)["isrevoked"]) == ("revoked", True)
    assert platform.certificates.documents.indices["certs"] == {}
    states = [line.partition(f"update {REGISTRY} ")[2] for line in platform.world.journal if REGISTRY in line]
    assert states == [
        "{'reason': 'migration_started'}",
        "{'reason': 'enrolment_updated'}",
        "{'isrevoked': True}",
        "{'reason': 'revoked'}",
    ]
    assert result.plan.metrics["success-events-count"] == 1


def test_example_2_replay(platform: Platform) -> None:
    give_state(platform, "revoked")
    ask(platform)
    assert platform.run().account.skipped == {"already migrated": 1}
    assert not platform.registry.created


def test_example_3_resume(platform: Platform) -> None:
    give_state(platform, "migration_started")
    platform.registry.kept["1-m"] = {"osid": "1-m", "oldId": "0c07-old", "status": "ACTIVE"}
    ask(platform)
    platform.run()
    assert not platform.registry.created
    assert platform.held()[0]["identifier"] == "1-m"
    assert row(platform)["reason"] == "revoked"


def test_example_4_no_registry_row(platform: Platform) -> None:
    ask(platform, identifier="unknown")
    assert platform.run().account.skipped == {"no row in the old registry": 1}


def test_example_5_failure(platform: Platform) -> None:
    def broken() -> None:
        raise CallFailed(500, is_outage=True, certain=False)

    platform.registry.before["u501"] = broken
    ask(platform)
    assert platform.run().account.failed_total == 1
    (failed,) = platform.failed
    assert failed["failInfo"]["error"] == (
        "Something Went Wrong While Making API Call:  service.rc.create.api | Status is: 500"
    )
    assert (row(platform)["reason"], platform.held()) == ("migration_started", [OLD])


def test_what_the_index_keeps_is_done_when_it_is_asked_for_again(platform: Platform) -> None:
    platform.certificates.documents.trouble = CallFailed(503, is_outage=True)
    ask(platform)
    assert platform.run().account.failed_total == 1
    assert row(platform)["reason"] == "enrolment_updated"
    platform.certificates.documents.trouble = None
    platform.next_batch()
    ask(platform)
    assert platform.run().account.processed == 1
    assert row(platform)["reason"] == "revoked"
    assert (len(platform.registry.created), len(platform.audits)) == (1, 1)


@pytest.mark.parametrize("boundary", PASSED)
def test_wherever_a_run_dies_the_migration_ends_once(
    boundary: str, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(platform)
    crashing = CrashingOnce(boundary)
    monkeypatch.setattr(run_module, "crash_point", crashing)
    monkeypatch.setattr(effects_run_module, "crash_point", crashing)
    with pytest.raises(Crash):
        platform.run()
    assert platform.run(2).account.processed == 1
    assert len(platform.registry.kept) == 1
    assert [entry["identifier"] for entry in platform.held()] == ["1-1"]
    assert row(platform)["reason"] == "revoked"
    assert len({audit["mid"] for audit in platform.audits}) == 1
