"""Names and wiring of collection-certificate-generator."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.certificates.api_errors import SEARCH
from lern_pipeline.jobs.certificates.old_certificate import REMOVAL, OldCertificates
from lern_pipeline.jobs.certificates.registration import registration_performers
from lern_pipeline.jobs.certificates.request import Submitted
from lern_pipeline.jobs.certificates.wiring import (
    CERT_REGISTRY,
    EVENT_METRICS,
    GROUP,
    ISSUED_CERTIFICATES,
    OUTPUT_TOPICS,
)
from lern_pipeline.jobs.collection_certificate_generator.certificate_event import certificate_event
from lern_pipeline.jobs.collection_certificate_generator.old_registration import OLD_REGISTRATION, OldRegistrar
from lern_pipeline.jobs.collection_certificate_generator.rules import decide, follow
from lern_pipeline.jobs.collection_certificate_generator.state import CertificateState, read_state
from lern_pipeline.jobs.collection_certificate_generator.telling import (
    FEED_ENTRY,
    NOTIFICATION,
    USER_READ,
    Profiles,
    Sender,
)
from lern_pipeline.jobs.course_progress.stores import USER_ENROLMENTS
from lern_pipeline.microbatch.effects import Performers
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.services import Services
from lern_pipeline.settings import JobSettings


def performers(services: Services, settings: JobSettings) -> Performers:
    """Who carries the job's effects out, by kind."""
    third_parties = services.certificates
    return {
        **registration_performers(third_parties.registry, SEARCH, settings),
        OLD_REGISTRATION: OldRegistrar(third_parties.old),
        USER_READ: Profiles(services.users),
        NOTIFICATION: Sender(third_parties.notifications.send),
        FEED_ENTRY: Sender(third_parties.feed.create),
        REMOVAL: OldCertificates(third_parties.registry, services.rows, third_parties.documents, settings),
    }


COLLECTION_CERTIFICATE_GENERATOR: JobSpec[Submitted, CertificateState] = JobSpec(
    name="collection-certificate-generator",
    description=(
        "Issues a certificate for each request: registered in Sunbird RC, entered at the enrolment, told by AUDIT, "
        "mail, SMS and feed entry. A re-issue replaces the certificate before."
    ),
    group=GROUP,
    decode=decode_lenient,
    validate=certificate_event,
    read_state=read_state,
    decide=decide,
    follow=follow,
    performers=performers,
    stores=(USER_ENROLMENTS, CERT_REGISTRY),
    output_topics=OUTPUT_TOPICS,
    pool=ISSUED_CERTIFICATES,
    personal_data=True,
    kinds=frozenset({"kafka", "cassandra"}),
    event_metrics=EVENT_METRICS,
)
