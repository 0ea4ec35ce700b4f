"""A rebuild as a process of its own that can be killed: Dagster's run, in the home and on the configuration given.

python -m lern_pipeline_tests.stack.rebuild_process KEY JSON prints the partition's metadata as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from dagster import DagsterInstance

from lern_pipeline.definitions import make_definitions
from lern_pipeline.orchestration import rebuild_names
from lern_pipeline.orchestration.course_batches import add_course_batches
from lern_pipeline.orchestration.installation import Installation, current_configuration


def rebuilt(instance: DagsterInstance, key: str, config: dict[str, Any]) -> dict[str, Any]:
    """Find the course batches, rebuild one; its metadata."""
    add_course_batches(instance, Installation())
    result = (
        make_definitions(current_configuration())
        .resolve_job_def(rebuild_names.JOB)
        .execute_in_process(
            instance=instance,
            partition_key=key,
            run_config={
                "ops": {"activity_aggregates_rebuild": {"config": config}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )
    )
    (found,) = [
        event.materialization
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == rebuild_names.ASSET
    ]
    return {name: _plain(value.value) for name, value in found.metadata.items()}


def _plain(value: Any) -> Any:
    records = getattr(value, "records", None)
    return value if records is None else [record.data for record in records]


if __name__ == "__main__":
    with DagsterInstance.get() as of_home:
        print(json.dumps(rebuilt(of_home, sys.argv[1], json.loads(sys.argv[2]))))
