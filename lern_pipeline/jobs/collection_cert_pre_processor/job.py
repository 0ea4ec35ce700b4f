"""Names and wiring of collection-cert-pre-processor."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.collection_cert_pre_processor.evaluation import CertificateState
from lern_pipeline.jobs.collection_cert_pre_processor.issue_request import (
    INCOMPLETE,
    OTHER_ACTION,
    IssueRequest,
    issue_request,
)
from lern_pipeline.jobs.collection_cert_pre_processor.reissues import REISSUED_CERTIFICATES
from lern_pipeline.jobs.collection_cert_pre_processor.rules import decide
from lern_pipeline.jobs.collection_cert_pre_processor.state import read_state
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.plan import Account


def _invalid(account: Account) -> int:
    """Events that are skipped unseen; the templates that are refused come on top (13)."""
    return account.skipped.get(OTHER_ACTION, 0) + account.skipped.get(INCOMPLETE, 0)


COLLECTION_CERT_PRE_PROCESSOR: JobSpec[IssueRequest, CertificateState] = JobSpec(
    name="collection-cert-pre-processor",
    description=(
        "A learner has finished a batch: the criteria of its certificate templates are checked, and for each one met "
        "a certificate is asked for."
    ),
    group="certificates",
    decode=decode_lenient,
    validate=issue_request,
    read_state=read_state,
    decide=decide,
    stores=(REISSUED_CERTIFICATES,),
    # Not the enrolments: the generator behind this job writes them, and the picture would be a circle.
    reads_stores=(("cassandra", "user_activity_agg"),),
    output_topics={"kafka.output.topic": "Requests to generate a certificate."},
    personal_data=True,
    kinds=frozenset({"kafka", "cassandra", "redis"}),
    time_columns=frozenset({"asked_at"}),
    event_metrics={
        "total-events-count": "consumed",
        "failed-events-count": "failed",
        "skipped-event-count": _invalid,
    },
)
