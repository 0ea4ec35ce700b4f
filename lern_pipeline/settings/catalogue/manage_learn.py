"""The three jobs of Manage Learn: program-user-info, ml-user-delete, ml-transfer-ownership (section 9 of each)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import ML_TRANSFER_OWNERSHIP, ML_USER_DELETE, PROGRAM_USER_INFO
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, not_needed, text, texts

PROGRAM_USERS: Area = area(
    PROGRAM_USER_INFO,
    "Contract: program-user-info, section 9.",
    (
        text("kafka.input.topic", "{env}.programuser.info", "Input."),
        text("kafka.groupId", "{env}-programuser-group", "Consumer group."),
        text("ml-cassandra.keyspace", "sunbird_programs", "Keyspace."),
        text("ml-cassandra.table", "program_enrollment", "Program enrolments."),
        not_needed("task.programuser.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.downstream.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(PROGRAM_USER_INFO,),
)

USER_DELETE: Area = area(
    ML_USER_DELETE,
    "Contract: ml-user-delete, section 9.",
    (
        text("kafka.input.topic", "{env}.delete.user", "Input."),
        text("kafka.groupId", "{env}-ml-user-delete-group", "Consumer group."),
        texts(
            "ml.user.delete.profile.fields",
            (
                *("lastName", "dob", "email", "maskedEmail", "recoveryEmail", "prevUsedEmail", "encEmail"),
                *("phone", "maskedPhone", "recoveryPhone", "prevUsedPhone", "encPhone"),
            ),
            "Members of a deleted user's profiles that are removed, beside the first name, which is masked.",
        ),
        not_needed("task.ml.user.delete.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(ML_USER_DELETE,),
)

TRANSFER_OWNERSHIP: Area = area(
    ML_TRANSFER_OWNERSHIP,
    "Contract: ml-transfer-ownership, section 9.",
    (
        text("kafka.input.topic", "{env}.user.ownership.transfer", "Input."),
        text("kafka.groupId", "{env}-ml-transfer-ownership-group", "Consumer group."),
        not_needed("task.ml.transfer.ownership.parallelism", 1, FLINK_PARALLELISM),
        # Deployment charts give this job the other one's variable.
        not_needed("task.ml.user.delete.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(ML_TRANSFER_OWNERSHIP,),
)
