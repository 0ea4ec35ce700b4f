"""The updates that mask a batch's deleted users (contract 3)."""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.jobs.manage_learn.documents import SERVER
from lern_pipeline.jobs.ml_user_delete.deletion_event import DeletedUser
from lern_pipeline.jobs.ml_user_delete.masks import MASKS
from lern_pipeline.microbatch.job import Decision, Event, Moment
from lern_pipeline.microbatch.plan import DocumentUpdates
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings

PROFILE_FIELDS = "ml.user.delete.profile.fields"


def read_state(
    events: Sequence[Event[DeletedUser]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> None:
    """Nothing is read: MongoDB finds the documents as it updates them."""


def decide(events: Sequence[Event[DeletedUser]], state: None, settings: JobSettings, moment: Moment) -> Decision:
    """One pass per collection for all users of the batch; a user whose update is refused fails alone, with all other
    collections done (D1, D2)."""
    users: dict[str, list[tuple[int, int]]] = {}
    for event in events:
        users.setdefault(event.work.user_id, []).append(event.position)
    if not users:
        return Decision()
    fields = settings.texts(PROFILE_FIELDS)
    return Decision(
        documents=[
            DocumentUpdates(SERVER, mask.collection, list(mask.updates(list(users), fields)), events=users)
            for mask in MASKS
        ]
    )
