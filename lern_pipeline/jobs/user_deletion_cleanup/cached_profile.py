"""The users' hashes go, and those of the users they manage (contract user-deletion-cleanup 4.2 step 7, U3, U6)."""

from __future__ import annotations

from collections.abc import Iterable

from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest
from lern_pipeline.microbatch.plan import CacheWrites, DeleteKey
from lern_pipeline.settings import JobSettings

SERVER, DATABASE = "redis-meta", "user.redis.store"
"""Where the hashes are; the existing job deletes on another server."""


def forgotten(requests: Iterable[DeletionRequest], settings: JobSettings) -> CacheWrites:
    """Each key once."""
    users = dict.fromkeys(id_ for request in requests for id_ in (request.user_id, *request.managed_users))
    return CacheWrites(SERVER, settings.integer(DATABASE), [[DeleteKey(f"user:{user}")] for user in users])
