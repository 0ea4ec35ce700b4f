"""What the job reads before it decides: users, their open batches, the batches' rows (contract 3, D4, D5, D11).

Everything is read before the first write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lern_pipeline.jobs.user_ownership_transfer.course_batch import CourseBatch, read_batches, table
from lern_pipeline.jobs.user_ownership_transfer.owners import objection, objection_to_old_owner
from lern_pipeline.jobs.user_ownership_transfer.transfer_event import Transfer
from lern_pipeline.microbatch.batch_ownership import BatchKey, Member, OpenBatches
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings

EVEN_DELETED = "transfer.from.deleted.enabled"
WITH_SINGLE_ASSET = "transfer.with.single.asset.enabled"


@dataclass(slots=True)
class TransferState:
    """Users and their open batches by user id; the rows there are."""

    members: dict[str, Member] = field(default_factory=dict)
    open_batches: Mapping[str, OpenBatches] = field(default_factory=dict)
    rows: Mapping[BatchKey, CourseBatch] = field(default_factory=dict)


def read_state(
    events: Sequence[Event[Transfer]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> TransferState:
    """Each user once, the new owner only where the old one may hand over; batches only of those who do."""
    even_deleted = settings.flag(EVEN_DELETED)
    state = TransferState()
    # What an earlier plan of this batch has transferred is transferred, whatever has become of the users.
    done = [event.work for event in events if str(event.position) in counted]
    wanted = [event.work for event in events if str(event.position) not in counted and is_wanted(event.work, settings)]
    state.members |= readers.members.read_members(transfer.from_user for transfer in wanted)
    wanted = [transfer for transfer in wanted if not objection_to_old_owner(transfer, state.members, even_deleted)]
    unread = {transfer.to_user for transfer in wanted} - state.members.keys()
    state.members |= readers.members.read_members(unread)
    wanted = [transfer for transfer in wanted if not objection(transfer, state.members, even_deleted)]
    state.open_batches = readers.batches.open_batches(transfer.from_user for transfer in (*done, *wanted))
    found = dict.fromkeys(key for open_batches in state.open_batches.values() for key in open_batches.batches)
    state.rows = read_batches(readers.rows, table(settings), found)
    return state


def is_wanted(transfer: Transfer, settings: JobSettings) -> bool:
    """Whether an event of its kind moves course batches (D9)."""
    return settings.flag(WITH_SINGLE_ASSET) or not transfer.names_asset
