"""The job's decision: who gets which certificate (contract collection-cert-pre-processor 4–6, 8–10, 13). Pure.

Requests come out in the order of the events, so that a re-issue stays behind the issue before it. Events are never
collapsed: the generator drops what is issued already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lern_pipeline.jobs.collection_cert_pre_processor.course_name import clean
from lern_pipeline.jobs.collection_cert_pre_processor.evaluation import (
    Batch,
    Candidate,
    CertificateState,
    Earned,
    Learner,
    earned,
)
from lern_pipeline.jobs.collection_cert_pre_processor.generate_request import Addresses, generate_request
from lern_pipeline.jobs.collection_cert_pre_processor.issue_request import IssueRequest
from lern_pipeline.jobs.collection_cert_pre_processor.refusal import INVALID_DATA, Refusal, Refused
from lern_pipeline.jobs.collection_cert_pre_processor.reissues import Reissue, reissue, reissue_writes
from lern_pipeline.jobs.collection_cert_pre_processor.template import BrokenTemplate, Template
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.microbatch.plan import Message
from lern_pipeline.microbatch.service_readers import UserBlocked
from lern_pipeline.settings import JobSettings

NO_TEMPLATE = "no usable template"
NOT_EARNED = "criteria not met, or issued already"
BLOCKED = "user is blocked"
RE_ISSUED = "re-issued already"

# Room for the message's other parts in one produce request.
_ENVELOPE_BYTES = 4096


def decide(
    events: Sequence[Event[IssueRequest]], state: CertificateState, settings: JobSettings, moment: Moment
) -> Decision:
    """What this micro-batch publishes."""
    return _Decider(state, settings, moment).decide(events)


class _Parts:
    """What became of one event's learners and templates (decisions 2)."""

    def __init__(self) -> None:
        self.done = 0
        self.skipped: list[str] = []
        self.refused: dict[str, Refusal] = {}

    def refuse(self, template_key: str, refusal: Refusal) -> None:
        """Said once, of however many learners."""
        told = f"{template_key}: {refusal.told}" if template_key else refusal.told
        self.refused.setdefault(told, refusal)

    def failure(self) -> Failure | None:
        """One failed record, which names all failed templates (9)."""
        if not self.refused:
            return None
        first = next(iter(self.refused.values()))
        return Failure(first.reason, first.code, error="; ".join(self.refused))


class _Decider:
    def __init__(self, state: CertificateState, settings: JobSettings, moment: Moment) -> None:
        self.state = state
        self.settings = settings
        self.moment = moment
        self.input_topic = settings.text("kafka.input.topic")
        self.output_topic = settings.text("kafka.output.topic")
        self.longest = settings.integer("kafka.producer.max-request-size") - _ENVELOPE_BYTES
        self.addresses: Addresses | None = None
        self.reissues: list[Reissue] = []
        self.metrics: Counter[str] = Counter(
            {"success-events-count": 0, "skipped-event-count": 0, "db-read-count": 0, "db-update-count": 0}
        )
        self.decision = Decision(warnings=list(state.warnings))

    def decide(self, events: Sequence[Event[IssueRequest]]) -> Decision:
        for event in events:
            parts = self._parts(event)
            failure = parts.failure()
            if failure is not None:
                self.decision.failed[event.position] = failure
            elif not parts.done:
                self.decision.skipped[event.position] = parts.skipped[0]
        self.decision.rows = [reissue_writes(self.settings, self.reissues, self.moment)]
        self.decision.metrics = {name: float(count) for name, count in self.metrics.items()}
        return self.decision

    def _parts(self, event: Event[IssueRequest]) -> _Parts:
        work, parts = event.work, _Parts()
        for reason in work.unusable:
            parts.refuse("", Refusal(INVALID_DATA, reason))
        templates = self.state.templates[Batch(work.course_id, work.batch_id)]
        for user_id in work.user_ids:
            if not templates:
                self._skip(parts, NO_TEMPLATE)
            for template in templates:
                self._part(event, user_id, template, parts)
        return parts

    def _part(
        self, event: Event[IssueRequest], user_id: str, template: Template | BrokenTemplate, parts: _Parts
    ) -> None:
        """One learner and one template."""
        if isinstance(template, BrokenTemplate):
            parts.refuse(template.key, template.refusal)
            return
        work = event.work
        again = reissue(self.input_topic, event.record, user_id, template.key) if work.re_issue else None
        if again in self.state.reissues and _unit(event, user_id, template) not in self.moment.counted:
            self._skip(parts, RE_ISSUED)
            return
        candidate = Candidate(Learner(user_id, work.course_id, work.batch_id), template, work.re_issue)
        try:
            found = self._earned(candidate)
            if found is None:
                blocked = isinstance(self.state.users.get(user_id), UserBlocked)
                self._skip(parts, BLOCKED if blocked else NOT_EARNED)
                return
            self._request(event, candidate, found)
        except Refused as error:
            parts.refuse(template.key, error.refusal)
        except RecursionError:
            parts.refuse(template.key, Refusal(INVALID_DATA, "template or profile is nested too deeply"))
        else:
            parts.done += 1
            self.metrics["success-events-count"] += 1
            if again is not None:
                self.reissues.append(again)
                self.decision.counted.append(_unit(event, user_id, template))

    def _skip(self, parts: _Parts, reason: str) -> None:
        parts.skipped.append(reason)
        self.metrics["skipped-event-count"] += 1

    def _earned(self, candidate: Candidate) -> Earned | None:
        # As the existing job reads: per template, the scores only of those who pass the enrolment.
        self.metrics["db-read-count"] += bool(candidate.template.enrolment_criteria)
        return earned(candidate, self.state, self.settings, self._count_score_read)

    def _count_score_read(self) -> None:
        self.metrics["db-read-count"] += 1

    def _request(self, event: Event[IssueRequest], candidate: Candidate, found: Earned) -> None:
        name = self.state.course_names[candidate.learner.course_id]
        if isinstance(name, Refusal):
            raise Refused(name.code, name.reason, name.error)
        if self.addresses is None:
            self.addresses = Addresses.of(self.settings)
        purpose = f"generate|{candidate.learner.user_id}|{candidate.template.key}"
        mid = self.moment.ids.make(event.position, purpose)
        value = generate_request(candidate, found, clean(name), self.addresses, mid, self.moment.now_ms)
        if len(value) > self.longest:
            raise Refused(INVALID_DATA, "the request is larger than a message may be")
        self.decision.messages.append(Message(f"{event.position}|{purpose}", self.output_topic, value))


def _unit(event: Event[IssueRequest], user_id: str, template: Template) -> str:
    """What :attr:`Decision.counted` says of a certificate that was asked for again."""
    return f"re-issued {event.position} {user_id} {template.key}"
