"""user-cache-indexer in Dagster: partitions, runs, modes by run configuration, going on, schedules, the check."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.orchestration import indexer_names, installation
from lern_pipeline.orchestration.indexer_asset import IndexConfig, on_server
from lern_pipeline.orchestration.indexer_schedules import requests_for, yesterday
from lern_pipeline_tests.jobs.user_cache_indexer.cassandra_users import U1, U1_HASH, give_common_data, give_user
from lern_pipeline_tests.orchestration.installed import Installed, install

pytestmark = pytest.mark.dagster

KEYS = [f"{number:03d}-of-16" for number in range(16)]
SETTINGS = """\
user.index.buckets: 16
user.index.buckets.at.a.time: 1
redis.user.backup.dir: back-ups
redis-meta: {host: cache, password: geheim}
"""


@pytest.fixture
def users(instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    return with_users(install(instance, tmp_path, monkeypatch, SETTINGS), monkeypatch)


def with_users(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> Installed:
    monkeypatch.setattr(installation, "_indexing_services", lambda settings: installed.world.services)
    give_common_data(installed.world)
    give_user(installed.world.rows, "u1", ("org-cust", "org-s1"), **U1)
    for number in range(30):
        give_user(installed.world.rows, f"t{number}", rootorgid="org-kar", updateddate="2024-05-02 10:00:00:000+0530")
    return installed


def run(installed: Installed, keys: list[str], tags: dict[str, str] | None = None, **config: Any) -> Any:
    """A run of neighbouring partitions."""
    if len(keys) > 1:
        (request,) = requests_for(keys, "now", {})
        tags = (tags or {}) | dict(request.tags)
    return installed.definitions.resolve_job_def(indexer_names.JOB).execute_in_process(
        instance=installed.instance,
        partition_key=keys[0] if len(keys) == 1 else None,
        tags=tags,
        run_config={"ops": {"user_cache_indexer": {"config": config}}},
        raise_on_error=False,
    )


def metadata(result: Any) -> dict[str, dict[str, Any]]:
    """Partition → metadata of the indexer's materialisations."""
    found = [event.materialization for event in result.get_asset_materialization_events()]
    return {
        one.partition: {name: value.value for name, value in one.metadata.items()}
        for one in found
        if one.asset_key == indexer_names.ASSET
    }


def hashes(installed: Installed, database: int = 12) -> dict[str, Any]:
    return installed.world.caches.database("redis-meta", database)


def test_the_partitions_are_the_buckets(users: Installed) -> None:
    node = users.definitions.get_repository_def().asset_graph.get(indexer_names.ASSET)
    assert node.partitions_def.get_partition_keys() == KEYS
    assert node.pools == {indexer_names.POOL}
    assert node.backfill_policy.max_partitions_per_run == indexer_names.BUCKETS_PER_RUN


def test_a_run_of_all_buckets_indexes_everybody(users: Installed) -> None:
    result = run(users, KEYS)
    assert result.success
    assert hashes(users)["user:u1"] == U1_HASH
    assert len(hashes(users)) == 31
    found = metadata(result)
    assert found.keys() == set(KEYS)
    assert sum(one["users_written"] for one in found.values()) == 31
    assert all(one["users_selected"] == one["users_written"] for one in found.values())
    assert {one["mode"] for one in found.values()} == {"update"}
    assert {one["framework_reads"] for one in found.values()} == {1}
    written = [e.materialization for e in result.get_asset_materialization_events()]
    (rows,) = [one.metadata["rows"].value for one in written if one.asset_key == indexer_names.USER_CACHE_ASSET]
    assert rows == 31


def test_one_bucket(users: Installed) -> None:
    result = run(users, KEYS[:1])
    assert list(metadata(result)) == KEYS[:1]
    assert len(hashes(users)) == metadata(result)[KEYS[0]]["users_written"] < 31


@pytest.mark.parametrize(
    ("config", "written"),
    [
        ({"specific_user_id": "t7"}, 1),
        ({"specific_user_id": "null", "from_specific_date": ""}, 31),
        ({"from_specific_date": "2024-05-02"}, 31),
        ({"from_specific_date": "2024-05-03"}, 1),
        ({"specific_user_id": "t7", "from_specific_date": "2024-05-03"}, 1),
        ({"specific_user_id": "nobody"}, 0),
    ],
)
def test_who_is_indexed(
    users: Installed, monkeypatch: pytest.MonkeyPatch, config: dict[str, str], written: int
) -> None:
    found = metadata(run(users, KEYS, **config))
    assert sum(one["users_written"] for one in found.values()) == len(hashes(users)) == written


def test_a_refresh_backs_up_anonymous_users_and_deletes_hashes_of_nobody(users: Installed) -> None:
    hashes(users)["user:a1"] = {"usersignintype": "Anonymous", "userlogintype": "student"}
    hashes(users)["user:gone"] = {"usersignintype": "Validated"}
    result = run(users, KEYS, refresh_user_data=True)
    found = metadata(result)
    assert sum(one["keys_deleted"] for one in found.values()) == 1
    assert sum(one["anonymous_backed_up"] for one in found.values()) == 1
    assert hashes(users).keys() == {"user:a1", "user:u1", *(f"user:t{number}" for number in range(30))}
    (path,) = {Path(one["back_up"]) for one in found.values()}
    assert path.parent == Path(users.instance.root_directory) / "back-ups"
    assert path.read_text() == "userid,usersignintype,userlogintype\na1,Anonymous,student\n"
    assert path.stat().st_mode & 0o777 == 0o600
    again = metadata(run(users, KEYS, refresh_user_data=True))
    assert {Path(one["back_up"]) for one in again.values()} != {path}


def test_anonymous_data_wins_over_refresh(users: Installed) -> None:
    hashes(users, 4)["user:a1"] = {"usersignintype": "Anonymous"}
    found = metadata(run(users, KEYS, populate_anonymous_data=True, refresh_user_data=True))
    assert sum(one["anonymous_copied"] for one in found.values()) == 1
    assert hashes(users) == {"user:a1": {"usersignintype": "Anonymous"}}


def test_what_cannot_be_used_fails_with_one_line(users: Installed) -> None:
    result = run(users, KEYS[:1], from_specific_date="yesterday")
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "expected yyyy-MM-dd" in failure.step_failure_data.user_failure_data.description


def re_executed(users: Installed, run_id: str) -> Any:
    """Another attempt, as *Re-execute* makes it."""
    before = users.instance.get_run_by_id(run_id)
    assert before is not None
    job = users.definitions.resolve_job_def(indexer_names.JOB)
    again = users.instance.create_run_for_job(
        job, run_config=before.run_config, tags=before.tags, parent_run_id=run_id, root_run_id=run_id
    )
    return execute_run(InMemoryJob(job), again, users.instance)


def test_another_attempt_goes_on(users: Installed) -> None:
    scan, scans = users.world.rows.scan, 0

    def dies(table: str, columns: Any, *arguments: Any) -> Any:
        nonlocal scans
        scans += "firstname" not in columns and table == "sunbird.user"
        if scans == 10:
            raise ServiceUnavailable("Cassandra", "c:9042", "down")
        return scan(table, columns, *arguments)

    users.world.rows.scan = dies  # type: ignore[method-assign]
    failed = run(users, KEYS)
    assert not failed.success
    assert 0 < len(hashes(users)) < 31
    scans = 100
    found = metadata(re_executed(users, failed.run_id))
    assert sum(one["users_written"] for one in found.values()) == 31
    assert scans == 107


@pytest.mark.parametrize(
    ("config", "address", "password"),
    [
        ({}, ("cache", 6379), "geheim"),
        ({"redis_host": "null"}, ("cache", 6379), "geheim"),
        ({"redis_host": "cache", "redis_port": 6379}, ("cache", 6379), "geheim"),
        ({"redis_host": "other"}, ("other", 6379), None),
        ({"redis_port": 7000}, ("cache", 7000), None),
    ],
)
def test_a_password_is_offered_to_its_own_server_alone(
    users: Installed, config: dict[str, Any], address: tuple[str, int], password: str | None
) -> None:
    settings = on_server(users.resource.named_settings("user-cache-indexer"), IndexConfig(**config))
    assert settings.address("redis-meta") == address
    assert settings.optional_text("redis-meta.password") == password


def test_the_schedules_ask_for_every_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer_names, "BUCKETS_PER_RUN", 4)
    # A schedule opens its instance anew, so it must be one that lasts.
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        users = with_users(install(instance, tmp_path, monkeypatch, SETTINGS), monkeypatch)
        for name, config in (
            (indexer_names.DAILY_SCHEDULE, {"from_specific_date": "2027-01-01"}),
            (indexer_names.FULL_SCHEDULE, {}),
        ):
            requests = _requests(users, name)
            assert len(requests) == 4
            ends = [
                (r.tags["dagster/asset_partition_range_start"], r.tags["dagster/asset_partition_range_end"])
                for r in requests
            ]
            assert [(KEYS.index(first), KEYS.index(last)) for first, last in ends] == [
                (start, start + 3) for start in range(0, 16, 4)
            ]
            assert all(r.run_config == {"ops": {"user_cache_indexer": {"config": config}}} for r in requests)
            assert len({r.run_key for r in requests}) == 4
        job = users.definitions.resolve_job_def(indexer_names.JOB)
        tags, run_config = dict(requests[0].tags), requests[0].run_config
        assert len(metadata(job.execute_in_process(instance=instance, tags=tags, run_config=run_config))) == 4


def _requests(users: Installed, name: str) -> list[Any]:
    repository = users.definitions.get_repository_def()
    schedule = repository.get_schedule_def(name)
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    with dg.build_schedule_context(
        instance=users.instance, repository_def=repository, scheduled_execution_time=datetime(2027, 1, 2, 2, tzinfo=UTC)
    ) as context:
        return list(schedule.evaluate_tick(context).run_requests or ())


def test_yesterday_is_that_of_the_session_time_zone() -> None:
    moment = datetime(2027, 1, 2, 22, tzinfo=UTC)
    assert yesterday(moment, "UTC") == "2027-01-01"
    assert yesterday(moment, "Asia/Kolkata") == "2027-01-02"


def check(installed: Installed) -> Any:
    result = installed.definitions.resolve_job_def(indexer_names.CHECK_JOB).execute_in_process(
        instance=installed.instance, raise_on_error=False
    )
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def rows_of(evaluation: Any) -> list[tuple[str, str, int]]:
    records = [record.data for record in evaluation.metadata["fields"].value.records]
    return [(record["field"], record["what"], record["users"]) for record in records]


def test_the_check_finds_what_is_stale(users: Installed) -> None:
    run(users, KEYS)
    good = check(users)
    assert good.passed, good.description
    assert good.metadata["users"].value == 31
    assert rows_of(good) == []
    hashes(users)["user:u1"] = U1_HASH | {"state": "Goa", "block": "B", "lastname": ""}
    del hashes(users)["user:t3"]
    hashes(users)["user:gone"] = {"usersignintype": "Validated"}
    stale = check(users)
    assert not stale.passed
    assert stale.severity is dg.AssetCheckSeverity.WARN
    found = {name: stale.metadata[name].value for name in ("without_hash", "differing", "hashes_of_nobody")}
    assert found == {"without_hash": 1, "differing": 1, "hashes_of_nobody": 1}
    assert rows_of(stale) == [("block", "superfluous", 1), ("state", "differs", 1)]


def test_the_check_says_what_is_down(users: Installed) -> None:
    def down(*arguments: Any) -> Any:
        raise ServiceUnavailable("Cassandra", "c:9042", "down")

    users.world.rows.scan = down  # type: ignore[method-assign]
    evaluation = check(users)
    assert not evaluation.passed
    assert "Cassandra at c:9042" in evaluation.description
