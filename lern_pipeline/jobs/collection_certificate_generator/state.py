"""What the job reads before it decides: enrolments and notification templates.

Contract collection-certificate-generator 5, 9, 11.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lern_pipeline.jobs.certificates.enrolments import Enrolment, EnrolmentKey, read_enrolments
from lern_pipeline.jobs.certificates.request import Submitted
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings


@dataclass(slots=True)
class CertificateState:
    """``notify_templates``: by course, batch and template; only those that there are."""

    enrolments: dict[EnrolmentKey, Enrolment] = field(default_factory=dict)
    notify_templates: dict[EnrolmentKey, str] = field(default_factory=dict)


def read_state(
    events: Sequence[Event[Submitted]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> CertificateState:
    """Each enrolment and each batch of a course once."""
    requests = [event.work.request for event in events if event.work.request is not None]
    state = CertificateState(read_enrolments(requests, readers, settings))
    table = f"{settings.text('lms-cassandra.keyspace')}.{settings.text('lms-cassandra.course_batch.table')}"
    wanted = {(request.course_id, request.batch_id): set[str]() for request in requests}
    for request in requests:
        wanted[request.course_id, request.batch_id].add(request.template_id)
    for course_id, batch_id, templates in readers.rows.select(
        table,
        ("courseid", "batchid", "cert_templates"),
        equal=("batchid",),
        within="courseid",
        keys=[(batch_id, course_id) for course_id, batch_id in wanted],
    ):
        for template_id in wanted[course_id, batch_id] & (templates or {}).keys():
            text = templates[template_id].get("notifyTemplate")
            if text is not None:
                state.notify_templates[course_id, batch_id, template_id] = text
    return state
