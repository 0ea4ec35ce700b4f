"""What a batch's transfers change (contract 3): every asset once, from its owner before the batch to that after it."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lern_pipeline.jobs.manage_learn.documents import SERVER, SOLUTIONS, made_an_object
from lern_pipeline.jobs.ml_transfer_ownership.assets import Assets
from lern_pipeline.jobs.ml_transfer_ownership.role_changes import RoleChanges
from lern_pipeline.jobs.ml_transfer_ownership.state import OWNER, PROGRAMS, USERS, TransferState
from lern_pipeline.jobs.ml_transfer_ownership.transfer_event import Transfer
from lern_pipeline.jobs.ml_transfer_ownership.user_record import ABSENT, Role, UserRecord
from lern_pipeline.microbatch.event_order import in_order
from lern_pipeline.microbatch.job import Decision, Event, Moment
from lern_pipeline.microbatch.plan import DocumentUpdate, DocumentUpdates
from lern_pipeline.settings import JobSettings

#: Ids of roles in extended JSON, by code.
RoleIds = Mapping[str, Any]


def decide(events: Sequence[Event[Transfer]], state: TransferState, settings: JobSettings, moment: Moment) -> Decision:
    """The transfers one after the other, on what was read; the updates of what came out, one pass per collection."""
    solutions, programs = Assets(state.solutions, OWNER[SOLUTIONS]), Assets(state.programs, OWNER[PROGRAMS])
    # Worked on while deciding; what was read stays as it is.
    users = copy.deepcopy(state.users)
    changes = RoleChanges()
    for event in in_order(events):
        transfer = event.work
        if transfer.program is None:
            solutions.hand_over(transfer, transfer.solution)
        if transfer.solution is None:
            programs.hand_over(transfer, transfer.program)
            _hand_over_roles(transfer, users, state.role_ids, changes)
    return Decision(
        documents=[
            DocumentUpdates(SERVER, SOLUTIONS, list(_solution_updates(solutions))),
            DocumentUpdates(SERVER, PROGRAMS, list(_program_updates(programs))),
            DocumentUpdates(SERVER, USERS, changes.updates),
        ]
    )


def _solution_updates(solutions: Assets) -> Iterator[DocumentUpdate]:
    """Contract 3.1; without a first name the names stay (D12)."""
    for moved in solutions.moved():
        where = {"author": moved.owner_before}
        change = {"author": moved.owner}
        if moved.first_name:
            yield made_an_object("license", "_id", moved.ids, where)
            change |= dict.fromkeys(("creator", "license.author", "license.creator"), moved.first_name)
        yield DocumentUpdate("_id", moved.ids, {"$set": change}, where)


def _program_updates(programs: Assets) -> Iterator[DocumentUpdate]:
    """Contract 3.2 step 1; the same where a first name differs."""
    ways: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for moved in programs.moved():
        ways[moved.owner_before, moved.owner] += moved.ids
    for (before, after), ids in ways.items():
        yield DocumentUpdate("_id", ids, {"$set": {"owner": after}}, {"owner": before})


def _hand_over_roles(
    transfer: Transfer, users: Mapping[str, UserRecord], role_ids: RoleIds, changes: RoleChanges
) -> None:
    old, new = users[transfer.old_owner], users[transfer.to.user_id]
    if transfer.program is not None:
        if not new.is_known:
            changes.insert(new, transfer.to, [])
        _complete(transfer, new, role_ids, changes)
        _hand_over_program({"$oid": transfer.program}, old, new, changes)
    elif new.is_known:
        _complete(transfer, new, role_ids, changes)
        _hand_over_all(old, new, changes)
    elif old.has_role_list:
        # All roles as they are, whatever the event asks for (D9).
        changes.insert(new, transfer.to, old.elements)
        changes.withdraw_all(old)


def _hand_over_program(program: Any, old: UserRecord, new: UserRecord, changes: RoleChanges) -> None:
    """Contract 3.2 step 5: in the roles that had the program, and no others (D5)."""
    had = {role.code: role for role in old.roles() if program in role.programs}
    if not had:
        return
    granted, lacking = _split(had, new)
    missing = any(program not in role.programs for role in new.roles() if role.code in granted)
    changes.grant(new, granted if missing else [], [program])
    for role in lacking:
        changes.add(new, role.with_programs([program]))
    changes.withdraw(old, program)


def _hand_over_all(old: UserRecord, new: UserRecord, changes: RoleChanges) -> None:
    """Contract 3.3 step 5; a role that only the old owner has goes over as a whole (D4)."""
    had, has = old.by_code(), new.by_code()
    granted, lacking = _split(had, new)
    for code in granted:
        there = has[code].programs
        changes.grant(new, [code], [program for program in had[code].programs if program not in there])
    for role in lacking:
        changes.add(new, role.with_programs(role.programs))
    if old.platform_roles is not ABSENT:
        changes.withdraw_all(old)


def _complete(transfer: Transfer, new: UserRecord, role_ids: RoleIds, changes: RoleChanges) -> None:
    """Contract 3.4: roles that the new owner must have, as far as Manage Learn knows them."""
    existing = new.codes()
    for role in transfer.to.roles:
        if role not in existing and role in role_ids:
            changes.add(new, {"roleId": role_ids[role], "code": role, "programs": []})


def _split(had: dict[str, Role], new: UserRecord) -> tuple[list[str], list[Role]]:
    """The codes that the new owner has too, and the roles that are lacking."""
    has = new.by_code()
    return [code for code in had if code in has], [role for code, role in had.items() if code not in has]
