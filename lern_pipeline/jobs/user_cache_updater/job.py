"""Names and wiring of user-cache-updater."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.user_cache_updater.audit_event import UserAudit, user_audit
from lern_pipeline.jobs.user_cache_updater.rules import decide
from lern_pipeline.jobs.user_cache_updater.state import DATABASE, SERVER, UserCacheState, read_state
from lern_pipeline.microbatch.job import JobSpec, Store

USER_CACHE = Store(
    ("redis", "user_cache"),
    "One hash per user, `user:<id>`: what reports and the telemetry pipeline know of a user.",
    "redis",
    cache=(SERVER, DATABASE),
)

USER_CACHE_UPDATER: JobSpec[UserAudit, UserCacheState] = JobSpec(
    name="user-cache-updater",
    description=(
        "A user was created or has changed: the profile is read from the user service and written into the user's "
        "hash in Redis; sign-in and login types come from the event itself."
    ),
    group="users",
    decode=decode_lenient,
    validate=user_audit,
    read_state=read_state,
    decide=decide,
    stores=(USER_CACHE,),
    personal_data=True,
    kinds=frozenset({"kafka", "redis"}),
    event_metrics={
        "total-audit-events-count": "consumed",
        "success-message-count": "processed",
        "skipped-message-count": "skipped",
        "failed-message-count": "failed",
    },
)
