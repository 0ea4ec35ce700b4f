"""What the job reads before it decides (contract collection-cert-pre-processor 2, 4–7). Each distinct key once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lern_pipeline.jobs.collection_cert_pre_processor.assessment import percents
from lern_pipeline.jobs.collection_cert_pre_processor.cached_entry import UnusableEntry, cached_entry
from lern_pipeline.jobs.collection_cert_pre_processor.course_name import cached_name
from lern_pipeline.jobs.collection_cert_pre_processor.enrolment import COLUMNS, is_writable, named_columns
from lern_pipeline.jobs.collection_cert_pre_processor.evaluation import (
    Batch,
    Candidate,
    CertificateState,
    Learner,
    after_assessment,
    after_enrolment,
    after_profile,
    api_error,
)
from lern_pipeline.jobs.collection_cert_pre_processor.issue_request import IssueRequest
from lern_pipeline.jobs.collection_cert_pre_processor.profile import members_for
from lern_pipeline.jobs.collection_cert_pre_processor.refusal import ERR_API_CALL, SYSTEM_ERROR, Refusal, Refused
from lern_pipeline.jobs.collection_cert_pre_processor.reissues import read_reissues, reissue
from lern_pipeline.jobs.collection_cert_pre_processor.template import Template, usable_templates
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.service_readers import NotRead, TypeUnknown
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline.settings import JobSettings

ACTIVITY_TYPE = "Course"


def read_state(
    events: Sequence[Event[IssueRequest]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> CertificateState:
    """In the order of the steps, and only of learners who have passed the step before."""
    state = CertificateState()
    _read_templates(state, events, readers, settings)
    candidates = _candidates(events, state)
    _read_enrolments(state, candidates, readers, settings)
    candidates = _passing(candidates, lambda candidate: after_enrolment(candidate, state))
    _read_scores(state, candidates, readers, settings)
    _read_types(state, readers, settings)
    candidates = _passing(candidates, lambda candidate: after_assessment(candidate, state, settings))
    _read_users(state, candidates, readers)
    candidates = _passing(candidates, lambda candidate: after_profile(candidate, state))
    _read_course_names(state, candidates, readers, settings)
    _read_reissues(state, events, readers, settings)
    return state


def table(settings: JobSettings, name: str) -> str:
    return f"{settings.text('lms-cassandra.keyspace')}.{settings.text(f'lms-cassandra.{name}.table')}"


def _candidates(events: Sequence[Event[IssueRequest]], state: CertificateState) -> list[Candidate]:
    found: dict[Candidate, None] = {}
    for event in events:
        work = event.work
        for template in state.templates[Batch(work.course_id, work.batch_id)]:
            if isinstance(template, Template):
                for user_id in work.user_ids:
                    learner = Learner(user_id, work.course_id, work.batch_id)
                    found[Candidate(learner, template, work.re_issue)] = None
    return list(found)


def _passing(candidates: list[Candidate], step: Callable[[Candidate], object]) -> list[Candidate]:
    """Those that go on. Why the others do not is for the decision to say."""

    def passes(candidate: Candidate) -> bool:
        try:
            return step(candidate) is not None
        except (Refused, RecursionError):
            return False

    return [candidate for candidate in candidates if passes(candidate)]


def _read_templates(
    state: CertificateState, events: Sequence[Event[IssueRequest]], readers: Readers, settings: JobSettings
) -> None:
    batches = dict.fromkeys(Batch(event.work.course_id, event.work.batch_id) for event in events)
    found = readers.rows.select(
        table(settings, "course_batch"),
        ("courseid", "batchid", "cert_templates"),
        equal=("courseid",),
        within="batchid",
        keys=batches,
    )
    cert_templates = {Batch(course_id, batch_id): templates for course_id, batch_id, templates in found}
    state.templates = {batch: usable_templates(cert_templates.get(batch), batch.batch_id) for batch in batches}


def _read_enrolments(
    state: CertificateState, candidates: Iterable[Candidate], readers: Readers, settings: JobSettings
) -> None:
    looked_at = [candidate for candidate in candidates if candidate.template.enrolment_criteria]
    if not looked_at:
        return
    name = table(settings, "user_enrolments")
    types = state.enrolment_columns = readers.rows.column_types(name)
    named = {column for candidate in looked_at for column in named_columns(candidate.template)}
    wanted = dict.fromkeys(
        (*COLUMNS, *sorted(column for column in named if column in types and is_writable(types[column])))
    )
    rows = readers.rows.select_rows(
        name,
        equal=("courseid", "batchid"),
        within="userid",
        keys=((learner.course_id, learner.batch_id, learner.user_id) for learner, _, _ in looked_at),
        columns=tuple(wanted),
    )
    state.enrolments = {Learner(row["userid"], row["courseid"], row["batchid"]): row for row in rows}


def _read_scores(
    state: CertificateState, candidates: Iterable[Candidate], readers: Readers, settings: JobSettings
) -> None:
    keys = {
        (ACTIVITY_TYPE, learner.course_id, f"cb:{learner.batch_id}", learner.user_id): learner
        for learner, template, _ in candidates
        if template.assessment_criteria
    }
    rows = readers.rows.select(
        table(settings, "user_activity_agg"),
        ("activity_type", "activity_id", "context_id", "user_id", "aggregates", "agg"),
        equal=("activity_type", "activity_id", "context_id"),
        within="user_id",
        keys=keys,
    )
    for *key, aggregates, agg in rows:
        state.percents[keys[tuple(key)]] = percents(aggregates, agg)


def _read_types(state: CertificateState, readers: Readers, settings: JobSettings) -> None:
    wanted = {content_id for scores in state.percents.values() for content_id in scores}
    cached = readers.caches.texts("redis-meta", settings.integer("redis.database.contentCache.id"), sorted(wanted))
    for content_id, text in cached.items():
        type_ = _cached_type(text)
        if type_ is not None:
            state.types[content_id] = type_
    missing = sorted(wanted - state.types.keys() - {""})
    state.types |= readers.contents.content_types(missing)
    state.types.setdefault("", TypeUnknown(is_outage=False))
    down = sum(isinstance(type_, TypeUnknown) and type_.is_outage for type_ in state.types.values())
    if down:
        state.warnings.append(f"the content service did not answer for {down} contents: their scores do not count")


def _cached_type(text: str | WrongType | None) -> str | Refusal | None:
    """None: not cached."""
    try:
        entry = cached_entry(text)
    except UnusableEntry as error:
        return Refusal(SYSTEM_ERROR, f"a content's entry in the cache {error}")
    type_ = entry.get("contenttype", "")
    return (type_ if isinstance(type_, str) else "") if entry else None


def _read_users(state: CertificateState, candidates: Sequence[Candidate], readers: Readers) -> None:
    user_ids = {candidate.learner.user_id for candidate in candidates}
    members = members_for(dict.fromkeys(candidate.template for candidate in candidates))
    state.users = readers.users.read_users(user_ids, members)


def _read_course_names(
    state: CertificateState, candidates: Iterable[Candidate], readers: Readers, settings: JobSettings
) -> None:
    wanted = sorted({candidate.learner.course_id for candidate in candidates})
    cached = readers.caches.texts("redis", settings.integer("redis.database.collectionCache.id"), wanted)
    for course_id, text in cached.items():
        try:
            name = cached_name(cached_entry(text))
        except UnusableEntry as error:
            state.course_names[course_id] = Refusal(SYSTEM_ERROR, f"the course's entry in the cache {error}")
        else:
            if name:
                state.course_names[course_id] = name
    missing = [course_id for course_id in wanted if course_id not in state.course_names]
    for course_id, found in readers.contents.collection_names(missing).items():
        if isinstance(found, NotRead):
            found_name: str | Refusal = Refusal(ERR_API_CALL, f"the content service {found.reason}", api_error(found))
        else:
            found_name = found
        state.course_names[course_id] = found_name


def _read_reissues(
    state: CertificateState, events: Sequence[Event[IssueRequest]], readers: Readers, settings: JobSettings
) -> None:
    topic = settings.text("kafka.input.topic")
    asked = (reissue(topic, event.record, "", "") for event in events if event.work.re_issue)
    state.reissues = read_reissues(readers.rows, settings, asked)
