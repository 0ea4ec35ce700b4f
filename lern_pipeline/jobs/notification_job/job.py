"""Names and wiring of notification-job."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.notification_job.notification_event import Notification, Unsendable, notification_event
from lern_pipeline.jobs.notification_job.outcome import SENT_METRICS
from lern_pipeline.jobs.notification_job.performers import performers
from lern_pipeline.jobs.notification_job.rules import (
    decide,
    follow,
    read_state,
    requeued_count,
    sent_count,
    skipped_count,
)
from lern_pipeline.microbatch.job import JobSpec, Store

NOTIFICATION_JOB: JobSpec[Notification | Unsendable, None] = JobSpec(
    name="notification-job",
    description=(
        "Requests for notifications become SMS, mails and push messages, each sent once; one that cannot be sent is "
        "put back into the topic for one more attempt."
    ),
    group="notifications",
    decode=decode_lenient,
    validate=notification_event,
    read_state=read_state,
    decide=decide,
    follow=follow,
    performers=performers,
    stores=(
        Store(("notifications", "sms"), "SMS that MSG91 has taken.", "sms", metric=SENT_METRICS["phone"]),
        Store(("notifications", "mail"), "Mails that the server has taken.", "email", metric=SENT_METRICS["email"]),
        Store(
            ("notifications", "push"),
            "Push messages that Firebase has taken, for at least one device or for a topic.",
            "push",
            metric=SENT_METRICS["device"],
        ),
    ),
    output_topics={
        "kafka.input.topic": "Requests to notify somebody; what could not be sent comes back once.",
        "kafka.output.deadletter.topic": "Requests that could not be sent at all.",
    },
    personal_data=True,
    kinds=frozenset({"kafka"}),
    event_metrics={
        "total-events-count": "consumed",
        "success-events-count": sent_count,
        "failed-events-count": requeued_count,
        "skipped-event-count": skipped_count,
    },
)
