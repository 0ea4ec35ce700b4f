"""Names and wiring of user-deletion-cleanup."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE
from lern_pipeline.jobs.user_deletion_cleanup.cached_profile import DATABASE, SERVER
from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest, deletion_request
from lern_pipeline.jobs.user_deletion_cleanup.performers import performers
from lern_pipeline.jobs.user_deletion_cleanup.rules import decide, follow
from lern_pipeline.jobs.user_deletion_cleanup.state import DeletionState, read_state
from lern_pipeline.jobs.user_deletion_cleanup.tables import KEYSPACE, MEMBERSHIP, USER
from lern_pipeline.microbatch.job import JobSpec, Store
from lern_pipeline.microbatch.login_accounts import removal_not_configured
from lern_pipeline.settings import JobSettings


def remarks(settings: JobSettings) -> tuple[str, ...]:
    """Said at start where it is so (decisions 7)."""
    why = removal_not_configured(settings)
    return () if why is None else (f"user-deletion-cleanup removes no accounts at Keycloak: {why}",)


USER_DELETION_CLEANUP: JobSpec[DeletionRequest, DeletionState] = JobSpec(
    name="user-deletion-cleanup",
    description=(
        "A user was deleted: account, look-ups, external identities and cached profile go, the row is blanked, the "
        "membership marked; managed users are blanked too."
    ),
    group="users",
    decode=decode_lenient,
    validate=deletion_request,
    read_state=read_state,
    decide=decide,
    follow=follow,
    performers=performers,
    remarks=remarks,
    stores=(
        Store(
            ("cassandra", "user_organisation"),
            "Memberships of users in organisations.",
            "cassandra",
            table=(KEYSPACE, MEMBERSHIP),
        ),
        Store(
            ("keycloak", "accounts"),
            "Accounts that users log in with.",
            "keycloak",
            metric="accounts-removed-count",
        ),
        Store(
            ("cassandra", "user_lookup"),
            "By which address, number, name or external id a user is found.",
            "cassandra",
            metric="lookups-deleted-count",
        ),
        Store(
            ("cassandra", "usr_external_identity"),
            "Ids that other systems have for a user.",
            "cassandra",
            metric="external-identities-deleted-count",
        ),
        Store(("cassandra", "user"), "Users.", "cassandra", table=(KEYSPACE, USER)),
        Store(USER_CACHE.name, USER_CACHE.description, USER_CACHE.kind, cache=(SERVER, DATABASE)),
    ),
    output_topics={"kafka.output.audit.topic": "AUDIT events of users who were deleted."},
    personal_data=True,
    kinds=frozenset({"kafka", "cassandra", "redis"}),
    time_columns=frozenset({"orgleftdate"}),
    event_metrics={
        "total-delete-events-count": "consumed",
        "success-message-count": "processed",
        "skipped-message-count": "skipped",
        "parked-message-count": "failed",
    },
)
