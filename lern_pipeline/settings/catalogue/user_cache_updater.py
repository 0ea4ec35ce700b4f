"""user-cache-updater (its contract, section 10)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import USER_CACHE_UPDATER
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, integer, not_needed, text, texts

AREA: Area = area(
    USER_CACHE_UPDATER,
    "Contract: user-cache-updater, section 10.",
    (
        text("kafka.input.topic", "{env}.telemetry.audit", "Input."),
        text("kafka.groupId", "{env}-user-cache-updater-group", "Consumer group."),
        integer("redis-meta.database.userstore.id", 12, "Redis database of the user store."),
        text(
            "regd.user.producer.pid",
            "learner-service",
            "Producer ids, comma-separated, whose events refresh a profile (release 8: `userorg-service`).",
        ),
        texts("user.self.signin.types", ("google", "self"), "Sign-in types of self-registered users."),
        texts("user.validated.types", ("sso",), "Sign-in types of validated users."),
        text("user.self.signin.key", "Self-Signed-In", "Text stored for self-registered users."),
        text("user.valid.key", "Validated", "Text stored for validated users."),
        text("user.read.url.fields", "locations,organisations", "`fields` of the user read."),
        texts("user.read.api.error", ("CLIENT_ERROR",), "Response codes of blocked users, whose events are skipped."),
        text("service.userorg.basePath", "https://dev.sunbirded.org", "User and organisation service."),
        text(
            "user_read_api",
            "/private/user/v1/read/",
            "Path of the user read; the public one gives neither e-mail nor phone (contract D12).",
        ),
        text(
            "user-read.api.url",
            "/learner/private/user/v1/read",
            "Complete address of the user read; used instead of the two above where it is an absolute URL.",
        ),
        text("service.taxonomy.basePath", "https://dev.sunbirded.org", "Framework service."),
        text("framework_read_api", "/api/framework/v1/read/", "Path of the framework read."),
        texts(
            "user.redis.removeable-fields",
            ("state", "district", "block", "cluster", "schooludisecode", "schoolname"),
            "Fields of the user store that are removed when the profile no longer has them.",
        ),
        not_needed("redis-meta.database.key.expiry.seconds", 3600, "users do not expire, as in the existing job"),
        not_needed("task.usercache.updater.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(USER_CACHE_UPDATER,),
)
