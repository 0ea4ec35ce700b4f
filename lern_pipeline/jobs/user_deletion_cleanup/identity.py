"""By what an input event is known again: in the ledger, in its audit event, in a rerun (contract
user-deletion-cleanup 12, decisions 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

from lern_pipeline.events.deterministic_ids import uuid5_text
from lern_pipeline.events.record import Record
from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest
from lern_pipeline.microbatch.job import Event

_SHORT_AND_PLAIN = re.compile(r"[A-Za-z0-9_:-]{1,100}")


def shown_id(id_: str) -> str:
    """A user's id as an operator may see it: itself where it is one such as the platform makes, else its digest, since
    it could hold anything."""
    if _SHORT_AND_PLAIN.fullmatch(id_):
        return id_
    return f"sha256:{sha256(id_.encode(errors='replace')).hexdigest()[:16]}"


def event_id(request: DeletionRequest, record: Record, topic: str) -> str:
    """Records of one mid and user are one input event; without a mid each is its own.

    A topic that was made anew has the same places again, hence the time.
    """
    if request.mid:
        return uuid5_text(f"user deletion|{request.mid}|{request.user_id}")
    return uuid5_text(f"user deletion|{topic}|{record.partition}|{record.offset}|{record.timestamp}")


def begun_unit(event: Event[DeletionRequest]) -> str:
    """How a plan remembers that the event's user was still readable: the whole deletion is this event's to do, also
    in a rerun that finds the user blocked."""
    return f"whole|{event.position}"


def begun_users(events: Iterable[Event[DeletionRequest]], counted: frozenset[str]) -> set[str]:
    """Whose deletion an earlier plan of the batch has begun."""
    return {event.work.user_id for event in events if begun_unit(event) in counted}
