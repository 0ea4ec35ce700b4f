"""Thousands of hostile records through the whole job: each accounted for, the good ones among them unharmed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lern_pipeline_tests.faults.hostile_records import PERSONAL, hostile_records
from lern_pipeline_tests.jobs.assessment_aggregator.assessments import (
    CERTIFICATES,
    CONTENT_CACHE,
    FAILED,
    Assessments,
    accounts,
    answer,
    assessed,
    assessment_settings,
)

pytestmark = pytest.mark.contracts

RECORDS = 2000


@pytest.mark.parametrize("counting", ["false", "true"])
def test_hostile_records_are_accounted_for_one_by_one(assessments: Assessments, counting: str) -> None:
    assessments.settings = assessment_settings(assessment_skip_missingrecords=counting)
    assessments.world.caches.database(*CONTENT_CACHE)["do_Q1"] = '{"totalQuestions":2}'
    event: dict[str, Any] = assessed([answer("q1"), answer("q2", 2)], mid="m", edata={"action": "x"})
    for number, (_, value) in enumerate(hostile_records(event, RECORDS, seed=5)):
        assessments.publish_value(value)
        if number % 100 == 0:
            assessments.publish(event | {"userId": f"good-{number}"})
    result = assessments.run()
    assert sum(accounts(result)) == RECORDS + RECORDS // 100
    assert len(assessments.messages(FAILED)) == result.account.failed_total
    learners = {edata["userIds"][0] for edata in (message["edata"] for message in assessments.messages(CERTIFICATES))}
    assert {f"good-{number}" for number in range(0, RECORDS, 100)} <= learners
    reasons = json.dumps([result.account.failed, result.account.skipped, result.warnings])
    assert PERSONAL not in reasons
    assert len(result.account.failed) < 60
