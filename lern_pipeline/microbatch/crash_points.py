"""Places where a test can kill the process, by name.

``LERN_PIPELINE_CRASH_AT=after-plan`` (or ``between-rows#3`` for the third passing) ends the process there as
``kill -9`` would. Without the variable a crash point costs one look into the environment.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "LERN_PIPELINE_CRASH_AT"

#: Of every job.
BOUNDARIES = (
    "before-read",
    "after-read",
    "after-archive",
    "after-state",
    "after-decide",
    "before-plan",
    "after-plan",
    "before-rows",
    "between-rows",
    "after-rows",
    "between-transactions",
    "between-cache",
    "after-cache",
    "before-publish",
    "between-publishes",
    "after-publish",
    "between-last",
    "after-last",
    "after-applied",
    "after-commit",
)

#: Of jobs with effects, in between: each effect's claim, call and outcome, each stage, and their end.
EFFECT_BOUNDARIES = (
    "after-claim",
    "after-effect",
    "after-outcome",
    "between-stages",
    "after-conclusion",
    "after-settled",
)

#: Of jobs that update documents, between ``after-cache`` and ``before-publish``.
DOCUMENT_BOUNDARIES = ("between-documents", "after-documents")

#: Of a rebuild and of the indexer, after each of their chunks; of the indexer within one too.
CHUNK_BOUNDARIES = ("between-groups", "between-chunks")

_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Die here if a test asked for it."""
    target = os.environ.get(VARIABLE)
    if target is None:
        return
    wanted, _, nth = target.partition("#")
    if wanted == name:
        _passed[name] += 1
        if _passed[name] >= int(nth or 1):
            os.kill(os.getpid(), signal.SIGKILL)
