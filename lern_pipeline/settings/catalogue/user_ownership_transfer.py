"""user-ownership-transfer (its contract, section 9)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import USER_OWNERSHIP_TRANSFER
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, flag, integer, not_needed, text

AREA: Area = area(
    USER_OWNERSHIP_TRANSFER,
    "Contract: user-ownership-transfer, section 9.",
    (
        text("kafka.input.topic", "{env}.user.ownership.transfer", "Input."),
        text("kafka.groupId", "{env}-user-ownership-transfer-group", "Consumer group."),
        text("lms-cassandra.keyspace", "sunbird_courses", "Keyspace of the batches."),
        text("lms-cassandra.course_batch.table", "course_batch", "Batches."),
        integer("threshold.batch.write.size", 10, "Statements of one Cassandra batch.", minimum=1),
        text("service.lms.basePath", None, "LMS service (batch search)."),
        text("service.userorg.basePath", None, "User and organisation service."),
        text("user_read_api", "/private/user/v1/read/", "Path of the user read."),
        text("batch_search_api", "/v1/course/batch/search", "Path of the batch search."),
        integer(
            "microbatch.max.records",
            500,
            "Most transfers of one micro-batch: each costs up to four requests.",
            minimum=1,
        ),
        flag(
            "transfer.from.deleted.enabled",
            False,
            "Transfer from a user for whom the user read answers 400 or 404: deleted, blocked or unknown. Only the new "
            "owner's organisation is checked then. The existing job skips such an event.",
        ),
        flag(
            "transfer.with.single.asset.enabled",
            True,
            "An event that names a single asset moves all course batches too, as in the existing job; off: it is "
            "skipped.",
        ),
        not_needed("user.ownership.transfer.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.user.ownership.transfer.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(USER_OWNERSHIP_TRANSFER,),
)
