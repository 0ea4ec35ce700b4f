"""The user service around the pipeline: its rows, its answers, and what the cache has of a user."""

from __future__ import annotations

import time
from typing import Any

from dagster import DagsterInstance

from lern_pipeline.definitions import make_definitions
from lern_pipeline.jobs.user_cache_indexer.buckets import Bucket
from lern_pipeline.jobs.user_cache_indexer.indexer import DATABASE, SERVER
from lern_pipeline.jobs.user_cache_indexer.rules import hash_key
from lern_pipeline.local.demo.failure import DemoFailed
from lern_pipeline.local.demo.third_party import LOGIN, ThirdPartyServices
from lern_pipeline.local.demo.users import (
    CATEGORIES,
    FRAMEWORK_ID,
    ORGANISATION,
    Home,
    account_rows,
    project,
    shared_rows,
    user_read,
    user_rows,
)
from lern_pipeline.microbatch.plan import CacheWrites, DeleteKey, RowWrites
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline.orchestration import indexer_names
from lern_pipeline.orchestration.drain import failure_reason
from lern_pipeline.resources.mongo import Mongo
from lern_pipeline.resources.services import indexing_services
from lern_pipeline.settings import Configuration
from lern_pipeline.settings.catalogue.jobs import ML_USER_DELETE, USER_CACHE_INDEXER

CUSTODIAN = "custodianOrgId"


class UserSide:
    """Users in Cassandra and in the user service, and their hashes in Redis."""

    def __init__(
        self, configuration: Configuration, third_party: ThirdPartyServices, instance: DagsterInstance
    ) -> None:
        self._configuration = configuration
        self._settings = configuration.for_job(USER_CACHE_INDEXER)
        self._services = indexing_services(self._settings)
        self._documents = Mongo(configuration.for_job(ML_USER_DELETE))
        self._third_party = third_party
        self._instance = instance

    def close(self) -> None:
        self._services.close()
        self._documents.close()

    def prepare(self) -> None:
        """What users refer to: framework, organisations, places, and a custodian organisation if there is none."""
        categories = [{"code": code} for code in CATEGORIES]
        answer = {"responseCode": "OK", "result": {"framework": {"identifier": FRAMEWORK_ID, "categories": categories}}}
        path = f"{self._settings.text('framework_read_api')}{FRAMEWORK_ID}"
        self._third_party.script([{"service": "taxonomy", "method": "GET", "path": path, "answer": answer}])
        for writes in shared_rows(_now_us()):
            self._services.rows.apply(writes)
        if not self._services.rows.select("sunbird.system_settings", ("value",), (), "id", [(CUSTODIAN,)]):
            row = [CUSTODIAN, CUSTODIAN, ORGANISATION, _now_us()]
            self._services.rows.apply(RowWrites("sunbird.system_settings", ("id",), ("field", "value"), rows=[row]))

    def lives_in(self, user_id: str, home: Home) -> None:
        """From now on, as far as the user service and its tables know."""
        for writes in user_rows(user_id, home, _now_us()):
            self._services.rows.apply(writes)
        self._third_party.add("users", {"users": {user_id: user_read(user_id, home)}})

    def has_account(self, user_id: str) -> None:
        """Logs in with Keycloak, is found by address and name, and has a project in Manage Learn."""
        for writes in account_rows(user_id, _now_us()):
            self._services.rows.apply(writes)
        account = {"username": user_id, "email": f"{user_id}@lern.test", "firstName": "Demo", "enabled": True}
        provider = LOGIN["sunbird_keycloak_user_federation_provider_id"]
        self._third_party.add("keycloak", {"accounts": {f"f:{provider}:{user_id}": account}})
        self._documents.apply(project(user_id))

    def hash_of(self, user_id: str) -> dict[str, str]:
        """What the cache has of the user."""
        key = hash_key(user_id)
        found = self._services.caches.hashes(SERVER, self._settings.integer(DATABASE), [key]).get(key, {})
        if isinstance(found, WrongType):
            raise DemoFailed(f"{key} is no hash")
        return dict(found)

    def lose_hash(self, user_id: str) -> None:
        """As a cache may that is not written to disk."""
        lost = CacheWrites(SERVER, self._settings.integer(DATABASE), [[DeleteKey(hash_key(user_id))]])
        self._services.caches.apply(lost)

    def rebuild_bucket_of(self, user_id: str) -> tuple[str, dict[str, Any]]:
        """Materialise the partition of user_cache_indexer that the user belongs to; its name and what its page says.

        Raises:
            DemoFailed: the run failed.
        """
        (token,) = self._services.rows.tokens([user_id])
        bucket = Bucket.of(token, self._settings.integer("user.index.buckets")).key
        result = (
            make_definitions(self._configuration)
            .resolve_job_def(indexer_names.JOB)
            .execute_in_process(
                instance=self._instance,
                partition_key=bucket,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )
        )
        if not result.success:
            raise DemoFailed(f"user_cache_indexer {bucket}: {failure_reason(self._instance, result.run_id)}")
        (found,) = [
            event.materialization
            for event in result.get_asset_materialization_events()
            if event.materialization.asset_key == indexer_names.ASSET
        ]
        return bucket, {name: entry.value for name, entry in found.metadata.items()}


def _now_us() -> int:
    return time.time_ns() // 1000
