"""The job's decisions: requests and enrolments → certificates, rows, messages, notifications (contract
collection-certificate-generator 5–12, 15, 16).

Pure: no clock, no I/O, no random. An enrolment's requests are one script: the second sees what became of the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lern_pipeline.events.validation import InvalidEvent
from lern_pipeline.jobs.certificates.history import History
from lern_pipeline.jobs.certificates.request import Submitted
from lern_pipeline.jobs.certificates.tally import Tally
from lern_pipeline.jobs.collection_certificate_generator.issuing import Holding, Issuing, refusal
from lern_pipeline.jobs.collection_certificate_generator.pending import (
    EnrolmentWork,
    Pending,
    Requested,
    pending_of,
)
from lern_pipeline.jobs.collection_certificate_generator.state import CertificateState
from lern_pipeline.microbatch.effects import Outcome, Stage
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.microbatch.script import Script, next_stage
from lern_pipeline.settings import JobSettings

NOT_ENROLLED = "not enrolled"


def decide(
    events: Sequence[Event[Submitted]], state: CertificateState, settings: JobSettings, moment: Moment
) -> Decision:
    """Which requests are carried out; what is invalid fails here."""
    decision = Decision()
    suppress = settings.flag("enable.suppress.exception")
    by_enrolment: dict[tuple[str, str, str], list[Requested]] = defaultdict(list)
    checks = 0
    for event in events:
        try:
            request = event.work.checked(suppress)
        except InvalidEvent as error:
            decision.failed[event.position] = Failure(error.reason, error.code, error=error.error)
            continue
        checks += 1
        if request.enrolment not in state.enrolments:
            decision.skipped[event.position] = NOT_ENROLLED
            continue
        template = state.notify_templates.get((request.course_id, request.batch_id, request.template_id))
        at = event.position.partition, event.position.offset
        by_enrolment[request.enrolment].append(Requested(at, event.record.timestamp, request, template))
    pending = Pending(
        [
            EnrolmentWork(requested, [dict(entry) for entry in enrolment.issued], enrolment.completed_on)
            for key, requested in by_enrolment.items()
            for enrolment in (state.enrolments[key],)
        ]
    )
    decision.pending = pending.plain()
    decision.metrics = {"enrollment-db-read-count": float(checks)}
    return decision


def follow(
    pending: dict[str, Any], outcomes: Mapping[str, Outcome], settings: JobSettings, moment: Moment
) -> Stage | Decision:
    """The next stage of all enrolments' scripts; what it all came to."""
    tally = Tally()
    work = pending_of(pending)
    history = History(moment.counted)
    issuing = Issuing(settings, moment, tally, history)
    stage = next_stage((_in_turn(issuing, enrolment) for enrolment in work.enrolments), outcomes)
    return tally.result() if stage is None else stage


def _in_turn(issuing: Issuing, work: EnrolmentWork) -> Script[None]:
    """One enrolment's requests, one after the other."""
    holding = Holding([*work.issued], work.completed_on)
    for requested in work.requested:
        reason = refusal(requested.request, holding.entries)
        own = issuing.history.issued(requested.position)
        if reason is None:
            yield from issuing.certificates(requested, holding)
        elif own:
            # Of a rerun: the certificate that is held is this very event's.
            yield from issuing.told_again(requested, own, holding)
        else:
            issuing.tally.skip(requested.position, reason)
