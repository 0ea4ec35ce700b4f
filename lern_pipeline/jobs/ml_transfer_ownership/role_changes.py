"""Changes of users' roles: made on the record at hand, and written down as updates of the stored one.

Every update is one that may be repeated after any of those behind it: it says what is added or removed, and its filter
that it is not there yet, or still there. Grants come before removals (contract 5, 8, D3).
"""

from __future__ import annotations

import copy
from typing import Any

from lern_pipeline.jobs.ml_transfer_ownership.transfer_event import NewOwner
from lern_pipeline.jobs.ml_transfer_ownership.user_record import ABSENT, UserRecord
from lern_pipeline.microbatch.plan import DocumentUpdate

ROLES = "platformRoles"
IS_ARRAY = {"$type": "array"}


class RoleChanges:
    """The updates of `userExtension` that a batch comes to, in order."""

    def __init__(self) -> None:
        self.updates: list[DocumentUpdate] = []

    def insert(self, record: UserRecord, owner: NewOwner, roles: list[Any]) -> None:
        """Make the record of a user that Manage Learn does not know (contract 3.2 step 3, 3.3 step 4, D15)."""
        self._update(
            record,
            {
                "$setOnInsert": {
                    "externalId": owner.user_name,
                    "status": "active",
                    "isDeleted": False,
                    "devices": [],
                    ROLES: copy.deepcopy(roles),
                    "createdBy": owner.actor,
                    "updatedBy": owner.actor,
                }
            },
            insert=True,
        )
        record.is_known, record.platform_roles = True, copy.deepcopy(roles)

    def add(self, record: UserRecord, element: dict[str, Any]) -> None:
        """Append a role that the user lacks."""
        if not record.has_role_list:
            if record.platform_roles is not ABSENT:
                # Null or of another type: nothing can be appended to it (D16).
                self._update(record, {"$set": {ROLES: []}}, {ROLES: {"$exists": True, "$not": IS_ARRAY}})
            record.platform_roles = []
        lacking = {ROLES: {"$not": {"$elemMatch": {"code": element["code"], "programs": IS_ARRAY}}}}
        self._update(record, {"$push": {ROLES: copy.deepcopy(element)}}, lacking)
        record.platform_roles.append(copy.deepcopy(element))

    def grant(self, record: UserRecord, codes: list[str], programs: list[Any]) -> None:
        """Append programs to the user's roles of these codes, where they are missing."""
        if not codes or not programs:
            return
        of_codes = {"code": {"$in": list(codes)}, "programs": IS_ARRAY}
        self._update(
            record,
            {"$addToSet": {f"{ROLES}.$[role].programs": {"$each": list(programs)}}},
            # Array filters need an array to look into.
            {ROLES: {"$elemMatch": of_codes}},
            [{f"role.{name}": value for name, value in of_codes.items()}],
        )
        for role in record.roles():
            if role.code in codes:
                role.element["programs"] += [program for program in programs if program not in role.element["programs"]]

    def withdraw(self, record: UserRecord, program: Any) -> None:
        """Take a program out of all roles of the user."""
        self._update(
            record,
            {"$pull": {f"{ROLES}.$[role].programs": program}},
            {ROLES: {"$elemMatch": {"programs": IS_ARRAY}}},
            [{"role.programs": IS_ARRAY}],
        )
        for role in record.roles():
            role.element["programs"] = [entry for entry in role.element["programs"] if entry != program]

    def withdraw_all(self, record: UserRecord) -> None:
        """The user has no roles any more."""
        self._update(record, {"$unset": {ROLES: ""}})
        record.platform_roles = ABSENT

    def _update(
        self,
        record: UserRecord,
        change: dict[str, Any],
        where: dict[str, Any] | None = None,
        array_filters: list[dict[str, Any]] | None = None,
        insert: bool = False,
    ) -> None:
        # By its own id, where it has one: there may be several records of one user, and the first is meant (D15).
        member, value = ("userId", record.user_id) if record.id is None else ("_id", record.id)
        self.updates.append(DocumentUpdate(member, [value], change, where or {}, array_filters or [], insert))
