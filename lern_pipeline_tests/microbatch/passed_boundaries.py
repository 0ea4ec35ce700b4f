"""The boundaries that a batch of a job with effects comes to, and those it comes to again."""

from __future__ import annotations

from lern_pipeline.microbatch.crash_points import BOUNDARIES, EFFECT_BOUNDARIES

#: Of jobs that write caches, and of the clients of Redis and Kafka.
OF_OTHERS = frozenset({"between-transactions", "between-cache", "between-last", "between-publishes"})

PASSED = tuple(name for name in (*BOUNDARIES, *EFFECT_BOUNDARIES) if name not in OF_OTHERS)

#: Each stage writes rows, and there are several effects.
PASSED_AGAIN = (
    "before-rows",
    "between-rows",
    "after-rows",
    "after-cache",
    "after-claim",
    "after-effect",
    "after-outcome",
    "between-stages",
)

#: (boundary, how often it has been passed then)
CRASHES = [*((name, 1) for name in PASSED), *((name, 2) for name in PASSED_AGAIN)]
