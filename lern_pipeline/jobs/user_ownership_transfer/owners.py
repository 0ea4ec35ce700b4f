"""Whether both users may take part: readable, and members of the organisation that the event names (contract 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lern_pipeline.jobs.user_ownership_transfer.transfer_event import Transfer
from lern_pipeline.microbatch.batch_ownership import Member, MemberFound, MemberRefused, MemberUnclear

OLD, NEW = "old owner", "new owner"

#: What the user read answers for users who are deleted, blocked or unknown (D13).
GONE = frozenset({400, 404})


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a transfer is not made. ``is_failure``: the service's answer is at fault, not the user."""

    reason: str
    is_failure: bool = False


def objection_to_old_owner(transfer: Transfer, members: Mapping[str, Member], even_deleted: bool) -> Objection | None:
    """``even_deleted``: one who is deleted, blocked or unknown may hand over (D13)."""
    member = members[transfer.from_user]
    if even_deleted and isinstance(member, MemberRefused) and member.status in GONE:
        return None
    return _objection(OLD, transfer.from_user, member, transfer.organisation)


def objection(transfer: Transfer, members: Mapping[str, Member], even_deleted: bool) -> Objection | None:
    """To either; the new owner counts where there is none to the old one."""
    found = objection_to_old_owner(transfer, members, even_deleted)
    return found or _objection(NEW, transfer.to_user, members[transfer.to_user], transfer.organisation)


def _objection(who: str, user_id: str, member: Member, organisation: str | None) -> Objection | None:
    match member:
        case MemberUnclear(reason):
            return Objection(f"user read of the {who} {reason}", is_failure=True)
        case MemberRefused(status):
            return Objection(f"user read of the {who} answered {status}")
        case MemberFound(identifier, root_organisation):
            if not _same(identifier, user_id):
                return Objection(f"user read of the {who} is of another user")
            if not organisation or not _same(root_organisation, organisation):
                return Objection(f"the {who} is of another organisation")
    return None


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
