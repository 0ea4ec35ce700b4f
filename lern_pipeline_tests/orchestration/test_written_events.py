"""What a batch tells of the stores and topics that it wrote."""

from __future__ import annotations

import pytest

from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB
from lern_pipeline.microbatch.plan import Account, Message, Plan
from lern_pipeline.microbatch.run import BatchResult
from lern_pipeline.orchestration.lineage import written_events
from lern_pipeline.settings import load_configuration

pytestmark = pytest.mark.rules


def test_a_mailbox_tells_how_many_were_sent_and_nothing_where_none_was() -> None:
    settings = load_configuration(None, {"LERN_PIPELINE_ENV": "test"}).for_job(NOTIFICATION_JOB.name)
    plan = Plan(NOTIFICATION_JOB.name, "20270101T000000Z_0.0-9", 1, 0, Account(9, 9))
    plan.metrics = {"mails-sent": 7.0, "sms-sent": 0.0}
    plan.messages = [Message("retry|0.1", "test.lms.notification", b"{}")]
    told = {
        event.asset_key.to_user_string(): {name: value.value for name, value in event.metadata.items()}
        for event in written_events(NOTIFICATION_JOB, settings, BatchResult(plan))
    }
    assert told == {
        "notifications/mail": {"sent": 7, "micro_batch": plan.key},
        "kafka/lms_notification": {"messages": 1, "micro_batch": plan.key},
    }
