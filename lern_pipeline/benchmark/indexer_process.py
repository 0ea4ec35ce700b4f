"""One measured process of ``lern-pipeline benchmark indexer``: `index` or `limit`; prints JSON.

`index`: the asset's runs, one after the other, on a Dagster instance in memory. `limit`: a loop that scans the same
rows and writes hashes of as many fields and bytes, and does nothing else.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from dagster import DagsterInstance

from lern_pipeline.definitions import make_definitions
from lern_pipeline.jobs.user_cache_indexer.indexer import DATABASE, SERVER
from lern_pipeline.jobs.user_cache_indexer.lookups import MEMBERSHIP_COLUMNS, MEMBERSHIPS
from lern_pipeline.jobs.user_cache_indexer.user_row import COLUMNS, USER_TABLE, user_row
from lern_pipeline.microbatch.plan import CacheChange, CacheWrites, UpdateHash
from lern_pipeline.orchestration import indexer_names
from lern_pipeline.orchestration.indexer_schedules import requests_for
from lern_pipeline.orchestration.installation import current_configuration
from lern_pipeline.resources.services import indexing_services
from lern_pipeline.settings import Configuration
from lern_pipeline.settings.catalogue.jobs import USER_CACHE_INDEXER

#: As many fields, of about as many bytes, as a user of the workload has beside the copied ones.
MORE_FIELDS = {
    **{name: f"{name} 1234" for name in ("state", "district", "block", "cluster")},
    "schoolname": "School 12345",
    "schooludisecode": "29000012345",
    "orgname": "Organisation benchmark-tenant-001",
    "usertype": "teacher",
    "usersubtype": "hm",
    "usersignintype": "Validated",
    "framework_id": "benchmark",
    "framework_board": '["State"]',
    "framework_medium": '["Kannada","English"]',
    "framework_gradeLevel": '["Class 4"]',
}


def index(configuration: Configuration) -> dict[str, Any]:
    """All buckets, by the asset."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    job = make_definitions(configuration).resolve_job_def(indexer_names.JOB)
    keys = indexer_names.bucket_keys(configuration.for_job(USER_CACHE_INDEXER))
    found: dict[str, Any] = {"users": 0, "written": 0, "unchanged": 0, "runs": 0}
    began = time.perf_counter()
    with DagsterInstance.ephemeral() as instance:
        for request in requests_for(keys, "benchmark", {}):
            silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            result = job.execute_in_process(
                instance=instance, tags=dict(request.tags), run_config={**(request.run_config or {}), **silent}
            )
            found["runs"] += 1
            for event in result.get_asset_materialization_events():
                if event.materialization.asset_key == indexer_names.ASSET:
                    metadata = event.materialization.metadata
                    for name, figure in (("users", "selected"), ("written", "written"), ("unchanged", "unchanged")):
                        found[name] += metadata[f"users_{figure}"].value
    return found | {"seconds": time.perf_counter() - began}


def limit(configuration: Configuration) -> dict[str, Any]:
    """Scan and write."""
    settings = configuration.for_job(USER_CACHE_INDEXER)
    services = indexing_services(settings)
    database, users = settings.integer(DATABASE), 0
    began = time.perf_counter()
    memberships = sum(len(page) for page in services.rows.scan(MEMBERSHIPS, MEMBERSHIP_COLUMNS, "userid", {}))
    for page in services.rows.scan(USER_TABLE, COLUMNS, "id", {}):
        changes: list[CacheChange] = []
        for user in map(user_row, page):
            copied = {name: value for name in COLUMNS[2:7] if (value := getattr(user, name)) is not None}
            fields = {**copied, "profileusertypes": user.profileusertypes or "", "status": str(user.status)}
            changes.append(UpdateHash(f"user:{user.userid}", (), fields | MORE_FIELDS))
        services.caches.apply(CacheWrites(SERVER, database, [changes]))
        users += len(changes)
    seconds = time.perf_counter() - began
    services.close()
    return {"users": users, "memberships": memberships, "seconds": seconds}


if __name__ == "__main__":
    which = {"index": index, "limit": limit}[sys.argv[1]]
    print(json.dumps(which(current_configuration())))
