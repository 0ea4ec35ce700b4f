"""The platform's topics (platform contract 3.1) as the local broker gets them."""

from __future__ import annotations

PARTITIONS = 2
RETENTION_MS = 172_800_000

TOPICS = (
    "coursebatch.job.request",
    "telemetry.assess",
    "telemetry.assess.failed",
    "activity.agg.failed",
    "enrolment.reconciliation.failed",
    "batch.enrolment.sync.request",
    "issue.certificate.request",
    "issue.certificate.failed",
    "generate.certificate.request",
    "generate.certificate.failed",
    "legacy.certificate.migrate",
    "lms.user.account.merge",
    "learning.events.failed",
    "content.postpublish.request",
    "telemetry.audit",
    "delete.user",
    "user.ownership.transfer",
    "lms.notification",
    "programuser.info",
    "telemetry.raw",
    "contentstate.invalid",
    "prom.monitoring.metrics",
)


def topic_settings(env: str) -> dict[str, dict[str, object]]:
    """Each topic's full name with what it is made with."""
    settings: dict[str, dict[str, object]] = {}
    for name in TOPICS:
        configs = {"retention.ms": str(RETENTION_MS)}
        if name == "telemetry.raw":
            configs["max.message.bytes"] = "1572864"
        # The legacy metrics topic alone has one partition in the stock list.
        partitions = 1 if name == "prom.monitoring.metrics" else PARTITIONS
        settings[f"{env}.{name}"] = {"num_partitions": partitions, "replication_factor": 1, "configs": configs}
    return settings
