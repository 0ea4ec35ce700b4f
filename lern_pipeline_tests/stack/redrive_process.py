"""Sending again as a process of its own that can be killed.

python -m lern_pipeline_tests.stack.redrive_process CONFIGURATION_FILE JSON prints how many were sent.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.redrive import RedriveConfig, redrive
from lern_pipeline_tests.stack.learner_tables import JOB


def sent(config_file: str, asked: dict[str, Any]) -> int:
    result = redrive([JOB], Installation(config_file=config_file), RedriveConfig(job=JOB.name, dry_run=False, **asked))
    return len(result.events)


if __name__ == "__main__":
    print(sent(sys.argv[1], json.loads(sys.argv[2])))
