"""Every recorded scenario of the job on stores in memory: a quick check before the end-to-end one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lern_pipeline_tests.golden.comparing import Comparison
from lern_pipeline_tests.golden.freedoms import freedoms_of
from lern_pipeline_tests.golden.masks import RunWindow
from lern_pipeline_tests.golden.scenarios import Scenario, load_scenarios
from lern_pipeline_tests.jobs.merge_user_courses.accounts import STARTED, Accounts, as_text

pytestmark = pytest.mark.contracts

SCENARIOS = [scenario for scenario in load_scenarios() if scenario.job == "merge-user-courses"]
START = datetime.fromtimestamp(STARTED, UTC)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario, tmp_path: Path) -> None:
    accounts = Accounts(str(tmp_path))
    for table, rows in scenario.given.get("cassandra", {}).items():
        for row in rows:
            accounts.give(table, row)
    records = scenario.records()
    account = {"processed": 0, "skipped": 0, "failed": 0}
    for number in range(records[-1].round + 1):
        for record in records:
            if record.round == number:
                accounts.publish_value(record.value, record.partition)
        done = accounts.run(STARTED + number).account
        account["processed"] += done.processed
        account["skipped"] += done.skipped_total
        account["failed"] += done.failed_total

    compare = Comparison(RunWindow(START, START + timedelta(minutes=1)), freedoms_of(scenario.free))
    lines: list[str] = []
    for table, expected in scenario.expected["cassandra"].items():
        found = [{name: as_text(name, value) for name, value in row.items()} for row in accounts.world.rows.rows(table)]
        lines += compare.rows(table, expected, found)
    for topic, messages in scenario.expected["messages"].items():
        lines += compare.messages(
            topic, messages, [{"key": None, "value": value} for value in accounts.published(f"test.{topic}")]
        )
    assert not lines, "\n".join([str(scenario.document["why"]), *lines])
    assert account == scenario.account
