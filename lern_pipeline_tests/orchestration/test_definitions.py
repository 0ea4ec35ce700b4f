"""What Dagster shows: the snapshot, the shape of the graph, and that the shipped files load without a word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import remarks
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.orchestration.definitions_snapshot import FILE, as_text, documented_definitions, snapshot

pytestmark = pytest.mark.dagster

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def graph() -> Any:
    return documented_definitions().get_repository_def().asset_graph


def test_what_dagster_shows_is_what_was_agreed() -> None:
    """Renew it: .venv/bin/python -m lern_pipeline_tests.orchestration.definitions_snapshot"""
    assert as_text() == FILE.read_text(encoding="utf-8")


def test_the_snapshot_is_json() -> None:
    assert json.loads(as_text()).keys() == snapshot().keys()


def test_the_graph_is_one_piece(graph: Any) -> None:
    reached, frontier = set(), [names.asset_key(ALL_JOBS[0])]
    while frontier:
        key = frontier.pop()
        if key not in reached:
            reached.add(key)
            node = graph.get(key)
            frontier += [*node.parent_keys, *node.child_keys]
    assert reached == graph.get_all_asset_keys()


def test_the_graph_has_no_cycle(graph: Any) -> None:
    unordered = {key: set(graph.get(key).parent_keys) for key in graph.get_all_asset_keys()}
    while unordered:
        free = {key for key, parents in unordered.items() if not parents & unordered.keys()}
        assert free, f"a cycle among {sorted(key.to_user_string() for key in unordered)}"
        unordered = {key: parents for key, parents in unordered.items() if key not in free}


def test_every_asset_says_what_it_is(graph: Any) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.group_name != "default", key
        assert node.kinds, key


@pytest.mark.parametrize("job", ALL_JOBS, ids=lambda job: job.name)
def test_a_job_stands_between_its_topic_and_what_it_writes(graph: Any, job: JobSpec[Any, Any]) -> None:
    node = graph.get(names.asset_key(job))
    assert any(key.path[0] == "kafka" for key in node.parent_keys)
    written = {tuple(key.path) for key in node.child_keys}
    assert {store.name for store in job.stores} <= written
    assert any(path[0] == "kafka" and path[1].endswith("failed") for path in written)


@pytest.mark.parametrize(
    ("topic", "readers"),
    [
        ("user_ownership_transfer", ("user-ownership-transfer", "ml-transfer-ownership")),
        ("delete_user", ("user-deletion-cleanup", "ml-user-delete")),
    ],
)
def test_a_topic_that_two_jobs_read_is_drawn_before_both_and_names_them(
    graph: Any, topic: str, readers: tuple[str, ...]
) -> None:
    node = graph.get(dg.AssetKey(["kafka", topic]))
    jobs = [job for job in ALL_JOBS if job.name in readers]
    assert len(jobs) == len(readers)
    assert {names.asset_key(job) for job in jobs} == set(node.child_keys)
    assert f"Read by {', '.join(job.name for job in jobs)}." in node.description
    # Each has its own position: they share no lane, and no consumer group.
    configuration = load_configuration(None, {"LERN_PIPELINE_ENV": "test"})
    groups = {job.consumer_group(configuration.for_job(job.name)) for job in jobs}
    assert len(groups) == len({names.sensor_name(job) for job in jobs}) == len(jobs)
    assert {job.input_topic(configuration.for_job(job.name)) for job in jobs} == {node.metadata["topic"]}


def test_no_two_jobs_share_partitions_or_a_lane() -> None:
    assert len({names.partitions_name(job) for job in ALL_JOBS}) == len(ALL_JOBS)
    assert len({names.sensor_name(job) for job in ALL_JOBS}) == len(ALL_JOBS)


def test_definitions_are_made_without_any_server_or_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code location must load while everything else is down."""
    for name in list(os.environ):
        if name.startswith("LERN_PIPELINE_"):
            monkeypatch.delenv(name)
    assert documented_definitions().get_repository_def().asset_graph


def test_the_shipped_workspace_is_valid_and_nothing_is_warned_of(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
    (tmp_path / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())
    ended = subprocess.run(
        [
            str(Path(sys.executable).parent / "dagster"),
            "definitions",
            "validate",
            "--workspace",
            str(PROJECT / "workspace.yaml"),
        ],
        cwd=tmp_path,
        env=environment | {"DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    # Dagster wishes that one used another command.
    own = [line for line in said.splitlines() if "definitions_validate_command" not in line]
    assert not [line for line in own if "warning" in line.lower()], said


def test_a_start_says_what_the_jobs_have_to_say_of_their_settings() -> None:
    """Decisions 7: Keycloak that is not configured."""
    unset = load_configuration(None, {"LERN_PIPELINE_ENV": "test"})
    (line,) = remarks(ALL_JOBS, unset)
    assert line.startswith("user-deletion-cleanup removes no accounts at Keycloak: sunbird_sso_url")
