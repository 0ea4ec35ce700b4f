"""Course batches, their search documents and their owners on stores in memory."""

from __future__ import annotations

import json
from typing import Any

from lern_pipeline.events.record import Record
from lern_pipeline.jobs.user_ownership_transfer.job import USER_OWNERSHIP_TRANSFER
from lern_pipeline.microbatch.batch_ownership import Member, MemberFound
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import Learners

TABLE = "sunbird_courses.course_batch"
FAILED = "test.lern.pipeline.failed"
ORGANISATION = "ORG-1"

#: Created by, mentors.
Owners = tuple[str | None, list[str]]


class CourseBatches(Learners):
    """The platform around the job."""

    def member(self, user: str, organisation: str = ORGANISATION, identifier: str | None = None) -> None:
        """A user whom the user service knows."""
        self.answers(user, MemberFound(identifier or user, organisation))

    def answers(self, user: str, member: Member) -> None:
        self.world.ownership.members.answers[user] = member

    def batch(self, batch: str, created_by: str | None, mentors: list[str] | None = None, status: int = 1) -> None:
        """A batch with its row and its document."""
        self.row(batch, created_by, mentors, status)
        self.document(batch, created_by, mentors, status)

    def row(self, batch: str, created_by: str | None, mentors: list[str] | None = None, status: int = 1) -> None:
        columns: dict[str, Any] = {"createdby": created_by, "mentors": mentors, "status": status, "name": f"N {batch}"}
        self.world.rows.give(TABLE, self._key(batch), {name: v for name, v in columns.items() if v is not None})

    def document(self, batch: str, created_by: str | None, mentors: list[str] | None = None, status: int = 1) -> None:
        self.world.ownership.documents.documents[batch] = {
            "courseId": self._key(batch)["courseid"],
            "createdBy": created_by,
            "mentors": list(mentors or ()),
            "status": status,
        }

    def transfer(self, old: Any = "U-old", new: Any = "U-new", partition: int = 0, **edata: Any) -> Record:
        return self.publish_edata(transferring(old, new, **edata), partition)

    # --- what is found

    def owners(self, batch: str) -> Owners:
        """As the row has them."""
        row = self.world.rows.row(TABLE, self._key(batch))
        assert row is not None, f"{batch} has no row"
        return row.get("createdby"), list(row.get("mentors") or ())

    def shown(self, batch: str) -> Owners:
        """As the document has them."""
        document = self.world.ownership.documents.documents[batch]
        return document["createdBy"], document["mentors"]

    def both(self, batch: str) -> Owners:
        """What row and document agree on."""
        assert self.owners(batch) == self.shown(batch)
        return self.owners(batch)

    def whole_state(self) -> Any:
        """Everything that is stored."""
        return self.world.rows.state(), json.loads(json.dumps(self.world.ownership.documents.documents))

    def failed(self) -> list[str]:
        return [message["failInfo"]["error"] for message in self.messages(FAILED)]

    @staticmethod
    def _key(batch: str) -> dict[str, str]:
        return {"courseid": f"C-{batch}", "batchid": batch}


def course_batches(base: str, **settings: str) -> CourseBatches:
    """``transfer_from_deleted_enabled="true"`` sets one."""
    names = {f"LERN_PIPELINE_JOBS_USER_OWNERSHIP_TRANSFER__{name.upper()}": value for name, value in settings.items()}
    configured = load_configuration(None, {"LERN_PIPELINE_ENV": "test", **names}).for_job(USER_OWNERSHIP_TRANSFER.name)
    return CourseBatches(base, configured, USER_OWNERSHIP_TRANSFER)


def transferring(old: Any = "U-old", new: Any = "U-new", **more: Any) -> dict[str, Any]:
    return {
        "action": "ownership-transfer",
        "organisationId": ORGANISATION,
        "context": "User Deletion",
        "actionBy": {"userId": "adm", "userName": "adm"},
        "fromUserProfile": {"userId": old, "userName": "old", "roles": ["COURSE_MENTOR"]},
        "toUserProfile": {"userId": new, "userName": "new", "firstName": "New", "roles": ["COURSE_MENTOR"]},
        "assetInformation": {},
        "iteration": 1,
        **more,
    }
