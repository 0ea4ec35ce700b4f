"""Shredding: what is kept of a micro-batch goes when it holds personal data of a deleted user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from lern_pipeline.jobs.deletion_proof.archives import Archive
from lern_pipeline.jobs.deletion_proof.named import Named

WHY = "shredded on {day}, since it held data of a user who was deleted"


def shred(users: Sequence[str], archives: Sequence[Archive], today: date) -> Iterator[tuple[str, str, str]]:
    """Shred what names the users in archives that hold more than ids; what is not done yet is left for later.

    Yields:
        Job, batch and what the batch says from now on, of each that was shredded.
    """
    named = Named(users)
    why = WHY.format(day=today.isoformat())
    for archive in archives:
        if not archive.personal:
            continue
        for key, _ in archive.batches_naming(named):
            if archive.is_done(key):
                archive.store.shred(key, why)
                yield archive.job, key, why
