"""user-cache-indexer as a process of its own that can be killed: Dagster's run, in the home and on the configuration
given.

python -m lern_pipeline_tests.faults.indexer_process BUCKET JSON prints the partition's metadata as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from dagster import DagsterInstance

from lern_pipeline.definitions import make_definitions
from lern_pipeline.orchestration import indexer_names
from lern_pipeline.orchestration.installation import current_configuration


def indexed(instance: DagsterInstance, bucket: str, config: dict[str, Any]) -> dict[str, Any]:
    """Index one bucket; its metadata."""
    result = (
        make_definitions(current_configuration())
        .resolve_job_def(indexer_names.JOB)
        .execute_in_process(
            instance=instance,
            partition_key=bucket,
            run_config={
                "ops": {"user_cache_indexer": {"config": config}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )
    )
    (found,) = [
        event.materialization
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == indexer_names.ASSET
    ]
    return {name: value.value for name, value in found.metadata.items()}


if __name__ == "__main__":
    with DagsterInstance.get() as of_home:
        print(json.dumps(indexed(of_home, sys.argv[1], json.loads(sys.argv[2]))))
