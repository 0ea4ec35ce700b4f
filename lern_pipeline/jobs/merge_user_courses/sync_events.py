"""What is told of every enrolment that the account has after the merge (contract merge-user-courses 4.4, D2)."""

from __future__ import annotations

from typing import Any

import msgspec

from lern_pipeline.events.record import Position
from lern_pipeline.microbatch.job import Moment
from lern_pipeline.microbatch.plan import Message

BATCH_ENROLMENT_SYNC = "batch-enrolment-sync"
USER_ENROLMENT_SYNC = "user-enrolment-sync"
RESET = ("completionPercentage", "status", "progress")


class SyncEvents:
    """Makes the events of one micro-batch.

    ``enrolment_sync_topic``: where enrolment-reconciliation is asked to recompute; None: nowhere (D2).
    """

    def __init__(self, batch_updater_topic: str, enrolment_sync_topic: str | None, moment: Moment) -> None:
        self._batch_updater_topic = batch_updater_topic
        self._enrolment_sync_topic = enrolment_sync_topic
        self._moment = moment

    def of(self, position: Position, user_id: str, course_id: str, batch_id: str) -> list[Message]:
        """The messages about one enrolment."""
        enrolment = {"batchId": batch_id, "userId": user_id, "courseId": course_id}
        messages = [self._message(self._batch_updater_topic, BATCH_ENROLMENT_SYNC, position, enrolment, reset=RESET)]
        if self._enrolment_sync_topic:
            messages.append(self._message(self._enrolment_sync_topic, USER_ENROLMENT_SYNC, position, enrolment))
        return messages

    def _message(
        self, topic: str, action: str, position: Position, enrolment: dict[str, str], **more: tuple[str, ...]
    ) -> Message:
        now = self._moment.now_ms
        # Ids may hold anything but are always in this order.
        name = f"{action}|{position}|{enrolment['userId']}|{enrolment['courseId']}|{enrolment['batchId']}"
        event: dict[str, Any] = {
            "eid": "BE_JOB_REQUEST",
            "ets": now,
            "mid": f"LP.{now}.{self._moment.ids.make(position, name)}",
            "actor": {"id": "Course Batch Updater", "type": "System"},
            "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
            "object": {"id": f"{enrolment['batchId']}_{enrolment['userId']}", "type": "CourseBatchEnrolment"},
            "edata": {"action": action, "iteration": 1, **enrolment, **more},
        }
        return Message(name, topic, msgspec.json.encode(event))
