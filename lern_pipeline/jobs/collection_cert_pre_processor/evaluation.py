"""A template for a learner, step by step (contract collection-cert-pre-processor 5). Pure.

Each step looks only at what is read once the step before has passed: no profile is asked for of learners who have not
earned anything. So the steps tell both what has to be read next and, in the end, what is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lern_pipeline.jobs.collection_cert_pre_processor import profile as profiles
from lern_pipeline.jobs.collection_cert_pre_processor.assessment import Assessed, assessed
from lern_pipeline.jobs.collection_cert_pre_processor.enrolment import Enrolled, enrolled
from lern_pipeline.jobs.collection_cert_pre_processor.refusal import ERR_API_CALL, Refusal, Refused
from lern_pipeline.jobs.collection_cert_pre_processor.reissues import Reissue
from lern_pipeline.jobs.collection_cert_pre_processor.template import BrokenTemplate, Template
from lern_pipeline.microbatch.service_readers import NotRead, TypeUnknown, UserBlocked, UserProfile
from lern_pipeline.settings import JobSettings


class Batch(NamedTuple):
    """A batch of a course, of Sunbird's kind."""

    course_id: str
    batch_id: str


class Learner(NamedTuple):
    """A learner in a batch: the unit that is evaluated."""

    user_id: str
    course_id: str
    batch_id: str

    @property
    def batch(self) -> Batch:
        return Batch(self.course_id, self.batch_id)


class Candidate(NamedTuple):
    """A learner and a template of the batch."""

    learner: Learner
    template: Template
    re_issue: bool | None


@dataclass(slots=True)
class CertificateState:
    """Everything read for one micro-batch.

    ``percents``: best scores by content; ``types``: of contents with scores; ``course_names`` as they were found. What
    could not be read or used stands in its place as a :class:`Refusal`.
    """

    templates: dict[Batch, list[Template | BrokenTemplate]] = field(default_factory=dict)
    enrolment_columns: Mapping[str, str] = field(default_factory=dict)
    enrolments: dict[Learner, dict[str, Any]] = field(default_factory=dict)
    percents: dict[Learner, dict[str, float]] = field(default_factory=dict)
    types: dict[str, str | TypeUnknown | Refusal] = field(default_factory=dict)
    users: dict[str, UserProfile | UserBlocked | NotRead] = field(default_factory=dict)
    course_names: dict[str, str | Refusal] = field(default_factory=dict)
    reissues: set[Reissue] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Earned:
    """All criteria are met: what the certificate tells."""

    enrolled: Enrolled
    assessed: Assessed
    profile: Mapping[str, Any]


def after_enrolment(candidate: Candidate, state: CertificateState) -> Enrolled | None:
    """The first step (5.3); None: not met. Raises Refused."""
    row = state.enrolments.get(candidate.learner)
    return enrolled(candidate.template, row, state.enrolment_columns, candidate.re_issue)


def after_assessment(candidate: Candidate, state: CertificateState, settings: JobSettings) -> Assessed | None:
    """The second step (5.4) of those that pass the first; None: not met. Raises Refused."""
    if not candidate.template.assessment_criteria:
        return Assessed()
    return assessed(candidate.template, _kept(state, candidate.learner, settings))


def after_profile(candidate: Candidate, state: CertificateState) -> Mapping[str, Any] | None:
    """The third step (5.5) of those that pass the second: the profile; None: not met. Raises Refused."""
    found = state.users[candidate.learner.user_id]
    if isinstance(found, UserBlocked):
        return None
    if isinstance(found, NotRead):
        raise Refused(ERR_API_CALL, f"the user service {found.reason}", api_error(found))
    if found.is_empty:
        return None
    profile: dict[str, Any] = profiles.without_null_elements(found.members)
    return profile if profiles.matches(candidate.template, profile) else None


def earned(
    candidate: Candidate, state: CertificateState, settings: JobSettings, scores_read: Callable[[], None]
) -> Earned | None:
    """All steps; None: some criterion is not met. ``scores_read``: called where the scores matter. Raises Refused."""
    enrolled_ = after_enrolment(candidate, state)
    if enrolled_ is None:
        return None
    if candidate.template.assessment_criteria:
        scores_read()
    assessed_ = after_assessment(candidate, state, settings)
    if assessed_ is None:
        return None
    profile = after_profile(candidate, state)
    return None if profile is None else Earned(enrolled_, assessed_, profile)


def api_error(found: NotRead) -> str:
    """The contract's words (7.1)."""
    return f"Error from get API : {found.address}, with response: {found.reason}"


def _kept(state: CertificateState, learner: Learner, settings: JobSettings) -> dict[str, float]:
    """Scores of contents whose type counts (5.4 step 4)."""
    supported = settings.texts("assessment.metrics.supported.contenttype")
    kept = {}
    for content_id, percent in state.percents.get(learner, {}).items():
        type_ = state.types[content_id]
        if isinstance(type_, Refusal):
            raise Refused(type_.code, type_.reason, type_.error)
        if isinstance(type_, TypeUnknown):
            if not settings.flag("enable.suppress.exception"):
                raise Refused(
                    ERR_API_CALL,
                    "metadata of a content is not available",
                    f"Metadata not available in cache or API {content_id}",
                )
        elif type_ in supported:
            kept[content_id] = percent
    return kept
