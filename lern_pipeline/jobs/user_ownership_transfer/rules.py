"""The job's decision: transfers, users, batches and rows → rows, and which documents follow them (contract 3, 5, 8).

Pure: no clock, no I/O, no random. The transfers are made in memory one after the other, each on what the ones before
left, so that old → new → third in one batch gives the third user the batches of the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lern_pipeline.jobs.user_ownership_transfer.course_batch import table
from lern_pipeline.jobs.user_ownership_transfer.documents import MISSING, document_effects
from lern_pipeline.jobs.user_ownership_transfer.owners import objection
from lern_pipeline.jobs.user_ownership_transfer.ownership import Ownership
from lern_pipeline.jobs.user_ownership_transfer.state import EVEN_DELETED, TransferState, is_wanted
from lern_pipeline.jobs.user_ownership_transfer.transfer_event import Transfer
from lern_pipeline.microbatch.batch_ownership import MemberFound
from lern_pipeline.microbatch.effects import Outcome, Stage
from lern_pipeline.microbatch.event_order import in_order
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.settings import JobSettings

SINGLE_ASSET = "names a single asset"
MORE_BATCHES = "more batches than the search gives out: publish the event again for the rest"


def decide(events: Sequence[Event[Transfer]], state: TransferState, settings: JobSettings, moment: Moment) -> Decision:
    """What this micro-batch changes.

    A rerun of an applied batch leaves alone what it has transferred before: who owns those batches now may be a later
    decision. Their documents follow the rows once more.
    """
    decision = Decision()
    ownership = Ownership(state.rows)
    counts: Counter[str] = Counter()
    even_deleted = settings.flag(EVEN_DELETED)
    for event in in_order(events):
        transfer = event.work
        unit = str(event.position)
        if unit in moment.counted:
            decision.counted.append(unit)
            ownership.look_at(state.open_batches[transfer.from_user].batches)
            continue
        if not is_wanted(transfer, settings):
            decision.skipped[event.position] = SINGLE_ASSET
            continue
        objected = objection(transfer, state.members, even_deleted)
        if objected is not None and objected.is_failure:
            decision.failed[event.position] = Failure(objected.reason)
        elif objected is not None:
            decision.skipped[event.position] = objected.reason
        else:
            _hand_over(transfer, state, ownership, settings, counts)
            if state.open_batches[transfer.from_user].is_complete:
                decision.counted.append(unit)
            else:
                decision.failed[event.position] = Failure(MORE_BATCHES)
    decision.rows = list(ownership.writes(table(settings), moment.write_time_us))
    decision.effects = document_effects(ownership.seen)
    decision.pending = {} if decision.effects else None
    counts["api-read-success-count"] = sum(isinstance(member, MemberFound) for member in state.members.values())
    decision.metrics = {name: float(count) for name, count in counts.items()}
    decision.warnings = _warnings(counts)
    return decision


def follow(
    pending: dict[str, Any], outcomes: Mapping[str, Outcome], settings: JobSettings, moment: Moment
) -> Stage | Decision:
    """The end, when the documents have followed."""
    missing = sum(outcome.result[MISSING] for outcome in outcomes.values())
    decision = Decision(metrics={"documents-missing": float(missing)})
    if missing:
        decision.warnings.append(f"{missing} batches have no search document: none was made")
    return decision


def _hand_over(
    transfer: Transfer, state: TransferState, ownership: Ownership, settings: JobSettings, counts: Counter[str]
) -> None:
    open_batches = state.open_batches[transfer.from_user]
    handed_over = ownership.hand_over(transfer.from_user, transfer.to_user, open_batches.batches)
    # Counted as the existing job does, which writes creators and mentors one after the other.
    size = settings.integer("threshold.batch.write.size")
    counts["db-update-success-count"] += sum(-(-rows // size) for rows in (handed_over.created, handed_over.mentored))
    counts["batches-handed-over"] += handed_over.batches
    counts["batches-left-alone"] += handed_over.left_alone
    counts["batches-without-row"] += handed_over.without_row
    counts["entries-without-key"] += open_batches.without_key


def _warnings(counts: Counter[str]) -> list[str]:
    warnings = []
    if counts["batches-without-row"]:
        warnings.append(f"{counts['batches-without-row']} batches of the search have no row: none was made")
    if counts["entries-without-key"]:
        warnings.append(f"{counts['entries-without-key']} entries of the search lack a course or a batch")
    return warnings
