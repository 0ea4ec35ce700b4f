"""Every recorded scenario, end to end on the real servers: the same inputs, the same rows, keys and messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lern_pipeline_tests.golden.player import Outcome, play
from lern_pipeline_tests.golden.scenarios import Group, Scenario, group_scenarios, load_scenarios

pytestmark = pytest.mark.golden

SCENARIOS = load_scenarios()
GROUPS = group_scenarios(SCENARIOS)
GROUP_OF = {scenario.tag: group for group in GROUPS for scenario in group.scenarios}

Played = Callable[[Group], Outcome]


@pytest.fixture(scope="session")
def played(local_stack: Any, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Played:
    """A group's outcome, played when it is first asked for."""
    outcomes: dict[str, Outcome | BaseException] = {}

    def outcome_of(group: Group) -> Outcome:
        if group.name not in outcomes:
            try:
                # Started only where it is needed.
                needs_mongo = any(scenario.has_documents for scenario in group.scenarios)
                mongo_url = request.getfixturevalue("mongo_url") if needs_mongo else None
                needs_search = any(scenario.has_search_documents for scenario in group.scenarios)
                search_cluster = request.getfixturevalue("search_cluster") if needs_search else None
                home = tmp_path_factory.mktemp("golden")
                outcomes[group.name] = play(group, local_stack.addresses, home, mongo_url, search_cluster)
            except Exception as error:
                # Kept: otherwise every scenario of the group would play it again.
                outcomes[group.name] = error
        outcome = outcomes[group.name]
        if isinstance(outcome, BaseException):
            pytest.fail(f"{group.name} could not be played: {type(outcome).__name__}: {outcome}")
        return outcome

    return outcome_of


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.job}/{scenario.name}")
def test_scenario(scenario: Scenario, played: Played) -> None:
    outcome = played(GROUP_OF[scenario.tag])
    lines = outcome.differences(scenario.name)
    if outcome.failure is not None:
        lines.insert(0, outcome.failure)
    assert not lines, "\n".join([str(scenario.document["why"]), *lines])


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_event_of_a_group_is_accounted_for(group: Group, played: Played) -> None:
    outcome = played(group)
    lines = outcome.account_differences()
    if outcome.failure is not None:
        lines.insert(0, outcome.failure)
    names = ", ".join(scenario.name for scenario in group.scenarios)
    assert not lines, "\n".join([*lines, f"the group's scenarios: {names}"])
