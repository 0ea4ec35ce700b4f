"""user-deletion-cleanup (its contract, section 14)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import USER_DELETION_CLEANUP
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, flag, integer, not_needed, text, texts

_NOT_HERE = "batches are user-ownership-transfer's"

AREA: Area = area(
    USER_DELETION_CLEANUP,
    "Contract: user-deletion-cleanup, section 14. Without one of the `sunbird_sso_*` or the federation provider "
    "Keycloak counts as not configured, and no account is removed.",
    (
        text("kafka.input.topic", "{env}.delete.user", "Input."),
        text("kafka.output.audit.topic", "{env}.telemetry.raw", "AUDIT events."),
        text("kafka.groupId", "{env}-delete-user-group", "Consumer group."),
        text("user.keyspace", "sunbird", "Keyspace of the four tables."),
        text("user.lookup.table", "user_lookup", "Look-ups."),
        text("user.table", "user", "Users."),
        text("user.externalIdentity.table", "usr_external_identity", "External identities."),
        text("user.org.table", "user_organisation", "Memberships."),
        integer("user.redis.store", 12, "Redis database of the user store (server `redis-meta`)."),
        text("service.userorg.basePath", None, "User and organisation service."),
        text("user_read_api", "/private/user/v1/read/", "Path of the user read."),
        flag(
            "user.deletion.managed.lookups.enabled",
            False,
            "Of managed users the look-ups and external identities go too, not only row and hash (contract U6).",
        ),
        integer(
            "user.deletion.max.age.days",
            None,
            "An older event of a user who is still active is parked; without it none is too old.",
        ),
        texts(
            "deletion.proof.left.out",
            (),
            "Places that the check `no_trace_of_deleted_users` does not look into, for example `mongodb` where there "
            "is no Manage Learn.",
        ),
        text("sunbird_sso_url", None, "Keycloak (older servers: ends with `/auth/`)."),
        text("sunbird_sso_realm", None, "Keycloak realm."),
        text("sunbird_sso_client_id", None, "Keycloak client."),
        text("sunbird_sso_client_secret", None, "Secret of the client.", secret=True),
        text("sunbird_sso_username", None, "Not used to log in, but without it Keycloak counts as not configured."),
        text("sunbird_sso_password", None, "As `sunbird_sso_username`.", secret=True),
        integer("sunbird_sso_pool_size", 2, "Connections to Keycloak.", minimum=1),
        text(
            "sunbird_keycloak_user_federation_provider_id",
            "sunbird_keycloak_user_federation_provider_id",
            "User federation provider, part of the account id; the default is a placeholder and counts as none.",
            blank_is_default=True,
        ),
        not_needed("service.lms.basePath", "https://dev.sunbirded.org", _NOT_HERE),
        not_needed("batch_search_api", "/course/v1/batch/search", _NOT_HERE),
        not_needed("user.ownership.transfer.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.user.deletion.cleanup.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(USER_DELETION_CLEANUP,),
)
