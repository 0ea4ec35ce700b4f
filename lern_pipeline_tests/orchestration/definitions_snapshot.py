"""Everything that Dagster shows of this build, as text that a person can read in a difference.

Renew it: .venv/bin/python -m lern_pipeline_tests.orchestration.definitions_snapshot
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg

from lern_pipeline.definitions import make_definitions
from lern_pipeline.settings import load_configuration

FILE = Path(__file__).with_name("definitions_snapshot.json")


def documented_definitions() -> dg.Definitions:
    """On documented defaults, whatever this machine's environment says."""
    return make_definitions(load_configuration(None, {"LERN_PIPELINE_ENV": "test"}))


def snapshot() -> dict[str, Any]:
    repository = documented_definitions().get_repository_def()
    graph = repository.asset_graph
    return {
        "assets": {key.to_user_string(): _asset(graph.get(key)) for key in sorted(graph.get_all_asset_keys())},
        "checks": sorted(f"{key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys),
        "jobs": {
            job.name: {"tags": dict(sorted(job.tags.items())), "executor": job.executor_def.name}
            for job in sorted(repository.get_all_jobs(), key=lambda job: job.name)
            if not job.name.startswith("__")
        },
        "sensors": {
            sensor.name: {
                "jobs": sorted(target.job_name for target in sensor.targets),
                "seconds": sensor.minimum_interval_seconds,
                "status": sensor.default_status.value,
            }
            for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name)
        },
        "schedules": {
            schedule.name: {
                "job": schedule.job_name,
                "cron": schedule.cron_schedule,
                "status": schedule.default_status.value,
            }
            for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name)
        },
    }


def _asset(node: Any) -> dict[str, Any]:
    partitions = node.partitions_def
    return {
        "deps": sorted(key.to_user_string() for key in node.parent_keys),
        "group": node.group_name,
        "kinds": sorted(node.kinds),
        "owners": sorted(node.owners),
        "partitions": _partitions(partitions),
        "pools": sorted(node.pools or ()),
    }


def _partitions(partitions: Any) -> str | None:
    """A dynamic definition's name, a static one's first and last key."""
    if isinstance(partitions, dg.StaticPartitionsDefinition):
        keys = partitions.get_partition_keys()
        return f"{keys[0]} … {keys[-1]}"
    return None if partitions is None else partitions.name


def as_text() -> str:
    """One line for each thing, so that a difference shows what it is about."""
    sections = []
    for section, entries in snapshot().items():
        named = entries.items() if isinstance(entries, dict) else ((entry, None) for entry in entries)
        rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in named)
        sections.append(f" {json.dumps(section)}: {{\n{rows}\n }}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(as_text(), encoding="utf-8")
