"""``lern-pipeline benchmark indexer``: all users indexed, beside a loop that only scans and writes."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis

from lern_pipeline.benchmark.framework_stand_in import FrameworkStandIn
from lern_pipeline.benchmark.indexer_workload import CUSTODIAN, IndexerWorkload
from lern_pipeline.benchmark.measured_process import Measured, measure
from lern_pipeline.errors import ConfigurationError, LernPipelineError
from lern_pipeline.jobs.user_cache_indexer.indexer import DATABASE, SERVER
from lern_pipeline.orchestration.installation import current_configuration
from lern_pipeline.resources.services import indexing_services
from lern_pipeline.settings import JobSettings
from lern_pipeline.settings.catalogue.jobs import USER_CACHE_INDEXER

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What to run. ``load``: fill the tables first; without it the users of an earlier benchmark are taken."""

    users: int
    seed: int
    load: bool = True


def run(options: Options, progress: Progress) -> dict[str, Any]:
    """First load into an empty cache, the same again with nothing to change, and the limit into an empty cache, which
    also goes first, unmeasured.

    Raises:
        ConfigurationError: the installation is one that people use.
        LernPipelineError: a run failed, or did not index every user.
    """
    settings = current_configuration().for_job(USER_CACHE_INDEXER)
    _prepare(options, settings, progress)
    with FrameworkStandIn(("board", "medium", "gradeLevel", "subject")) as stand_in:
        environment = {**os.environ, "LERN_PIPELINE_TAXONOMY_BASEPATH": stand_in.address}
        ports = {"cassandra": settings.integer("lms-cassandra.port"), "redis": settings.address(SERVER)[1]}
        # Servers that have just been started are slow, and the first to ask would pay for it.
        _measured("limit", environment, ports, progress)
        _empty(settings)
        first = _measured("index", environment, ports, progress)
        again = _measured("index", environment, ports, progress)
        _empty(settings)
        limit = _measured("limit", environment, ports, progress)
    indexed, repeated, plain = (json.loads(one.output.strip().rpartition("\n")[2]) for one in (first, again, limit))
    if (indexed["written"], repeated["unchanged"]) != (plain["users"], plain["users"]):
        raise LernPipelineError(f"{plain['users']} users, but {indexed['written']} were written")
    speed = {name: one["users"] / one["seconds"] for name, one in (("a", indexed), ("b", repeated), ("c", plain))}
    return {
        "benchmark": "indexer",
        "users": plain["users"],
        "runs": indexed["runs"],
        "users_per_second": round(speed["a"], 1),
        "users_per_second_unchanged": round(speed["b"], 1),
        "limit_users_per_second": round(speed["c"], 1),
        "ratio_to_limit": round(speed["a"] / speed["c"], 3),
        "ratio_to_limit_unchanged": round(speed["b"] / speed["c"], 3),
        "peak_mib": round(first.peak_mib, 1),
        "peak_mib_limit": round(limit.peak_mib, 1),
        "cpu_seconds": round(first.cpu_seconds, 2),
        "servers_cpu_seconds": first.servers_cpu_seconds,
        # Where others use the machine too, these tell more than the clock does.
        "limit_cpu_seconds": round(limit.cpu_seconds, 2),
        "limit_servers_cpu_seconds": limit.servers_cpu_seconds,
    }


def _prepare(options: Options, settings: JobSettings, progress: Progress) -> None:
    services = indexing_services(settings)
    try:
        found = services.rows.select("sunbird.system_settings", ("value",), (), "id", [("custodianOrgId",)])
        if found and found[0][0] != CUSTODIAN:
            raise ConfigurationError(
                "the benchmark of user-cache-indexer fills the tables of users and empties the user cache: it needs "
                "an installation of its own, and sunbird.system_settings says that people use this one"
            )
        if not found and next(iter(services.rows.scan("sunbird.user", ("id",), "id", {})), None):
            raise ConfigurationError("the benchmark of user-cache-indexer needs an installation without users")
        if options.load:
            progress(f"loading {options.users} users")
            workload, write_time_us = IndexerWorkload(options.users, options.seed), time.time_ns() // 1000
            for writes in workload.shared_rows(write_time_us):
                services.rows.apply(writes)
            for writes in workload.user_rows(write_time_us):
                services.rows.apply(writes)
    finally:
        services.close()


def _empty(settings: JobSettings) -> None:
    host, port = settings.address(SERVER)
    with redis.Redis(host, port, settings.integer(DATABASE)) as client:
        client.flushdb()


def _measured(which: str, environment: dict[str, str], ports: dict[str, int], progress: Progress) -> Measured:
    progress(f"{which} …")
    command = [sys.executable, "-m", "lern_pipeline.benchmark.indexer_process", which]
    measured = measure(command, environment, ports)
    if measured.exit_code:
        raise LernPipelineError(f"benchmark indexer: {which} failed: {measured.errors.strip()[-500:]}")
    return measured
