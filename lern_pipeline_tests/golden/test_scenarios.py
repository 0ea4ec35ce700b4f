"""The scenario files themselves, and how they become input."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lern_pipeline_tests.golden.freedoms import freedoms_of
from lern_pipeline_tests.golden.masks import RunWindow
from lern_pipeline_tests.golden.player import Outcome
from lern_pipeline_tests.golden.scenarios import DIRECTORY, Record, Scenario, group_scenarios, load_scenarios

pytestmark = pytest.mark.rules

SCENARIOS = load_scenarios()


def scenario(**members: Any) -> Scenario:
    document: dict[str, Any] = {
        "job": "some-job", "name": "n", "tag": "t01", "settings": {}, "given": {}, "records": [],
        "expected": {"account": {"processed": 0, "skipped": 0, "failed": 0}}, "free": None,
    }  # fmt: skip
    return Scenario(document | members)


def test_each_file_is_named_as_its_scenario() -> None:
    assert {f"{one.job}/{one.name}" for one in SCENARIOS} == {
        f"{path.parent.name}/{path.stem}" for path in DIRECTORY.glob("*/*.json")
    }
    assert SCENARIOS


def test_no_tag_is_part_of_another() -> None:
    tags = [one.tag for one in SCENARIOS]
    assert [(one, other) for one in tags for other in tags if one != other and one in other] == []


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: f"{one.job}/{one.name}")
def test_every_freedom_is_understood_and_every_event_accounted_for(one: Scenario) -> None:
    freedoms_of(one.free)
    assert sum(one.account.values()) == len(one.records())


def test_every_scenario_is_in_one_group_with_its_settings() -> None:
    groups = group_scenarios(SCENARIOS)
    members = [one.tag for group in groups for one in group.scenarios]
    assert sorted(members) == sorted(one.tag for one in SCENARIOS)
    assert all(one.settings == group.settings and one.job == group.job for group in groups for one in group.scenarios)
    assert len({group.name for group in groups}) == len(groups)


def test_values_of_records() -> None:
    records = scenario(
        records=[
            {"topic": "t", "partition": 1, "key": "k", "value": {"b": "é", "a": [1, None]}},
            {"topic": "t", "partition": 0, "key": None, "value": "no JSON"},
            {"topic": "t", "key": None, "value": None, "wait": True},
            {"topic": "t", "key": None, "value_base64": "/w=="},
        ]
    ).records()
    assert records == [
        Record("t", 1, b"k", '{"b":"é","a":[1,null]}'.encode(), 0),
        Record("t", 0, None, b"no JSON", 0),
        Record("t", 0, None, None, 1),
        Record("t", 0, None, b"\xff", 1),
    ]


def test_masks_are_filled_in_everywhere() -> None:
    filled = scenario(
        settings={"service.x": "<http>/x"},
        given={"http": [{"path": "/<env>"}]},
        records=[{"topic": "t", "key": None, "value": {"u": "<http>/a", "id": "<uuid>"}}],
        expected={"account": {}, "messages": {"<env>.t": [{"value": "<now>"}]}},
    ).filled_in({"<http>": "http://h:1", "<env>": "gold"})
    assert filled.settings == {"service.x": "http://h:1/x"}
    assert filled.given["http"][0]["path"] == "/gold"
    assert filled.records()[0].value == b'{"u":"http://h:1/a","id":"<uuid>"}'
    assert filled.expected["messages"] == {"gold.t": [{"value": "<now>"}]}


def test_scenarios_share_a_mail_server_unless_it_is_another_for_everybody() -> None:
    mails = [None, {"refuse": [{"at": "rcpt"}]}, {"offers": []}, {"offers": ["AUTH"]}, {"down": True}]
    scenarios = [scenario(tag=f"t{n}", given={} if mail is None else {"mail": mail}) for n, mail in enumerate(mails)]
    groups = group_scenarios(scenarios)
    assert [[one.tag for one in group.scenarios] for group in groups] == [["t0", "t1", "t2"], ["t3"], ["t4"]]


def outcome(scenarios: list[Scenario], waiting: int = 0, **batch: int) -> Outcome:
    now = datetime.now(UTC)
    return Outcome({one.name: one for one in scenarios}, {}, [batch], waiting, RunWindow(now, now), None)


def accounted(name: str, processed: int, skipped: int, failed: int, free: str | None = None) -> Scenario:
    account = {"processed": processed, "skipped": skipped, "failed": failed}
    return scenario(name=name, expected={"account": account}, free=free)


def test_the_account_of_a_group_is_the_sum() -> None:
    scenarios = [accounted("a", 1, 0, 1), accounted("b", 0, 2, 0)]
    assert outcome(scenarios, consumed=4, processed=1, skipped=2, failed=1).account_differences() == []
    assert outcome(scenarios, consumed=4, processed=2, skipped=1, failed=1).account_differences()
    assert outcome(scenarios, consumed=4, processed=1, skipped=2, failed=0).account_differences()
    assert outcome(scenarios, consumed=3, processed=1, skipped=2, failed=1).account_differences()
    assert outcome(scenarios, waiting=1, consumed=4, processed=1, skipped=2, failed=1).account_differences()


def test_events_may_move_between_accounts_where_a_scenario_says_so() -> None:
    free = "whether a dropped repeat counts as processed or skipped (§16 counts it in batch-enrolment-update-count)"
    scenarios = [accounted("a", 2, 0, 1, free), accounted("b", 1, 0, 0)]
    assert outcome(scenarios, consumed=4, processed=1, skipped=2, failed=1).account_differences() == []
    assert outcome(scenarios, consumed=4, processed=0, skipped=3, failed=1).account_differences()
    assert outcome(scenarios, consumed=4, processed=3, skipped=1, failed=0).account_differences()


def test_what_went_back_into_the_topic_is_consumed_again() -> None:
    free = "account: of the scenario's own records; the retry event is counted again when it is consumed"
    expected = {"account": {"processed": 0, "skipped": 0, "failed": 1}, "messages": {"t": [{"value": "x"}]}}
    scenarios = [scenario(name="a", records=[{"topic": "t", "value": "x"}], expected=expected, free=free)]
    assert outcome(scenarios, consumed=2, processed=1, skipped=0, failed=1).account_differences() == []
    assert outcome(scenarios, consumed=2, processed=0, skipped=1, failed=1).account_differences() == []
    assert outcome(scenarios, consumed=2, processed=0, skipped=0, failed=2).account_differences()
    assert outcome(scenarios, consumed=1, processed=0, skipped=0, failed=1).account_differences()
