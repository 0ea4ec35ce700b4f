"""Failed events counted by job and reason, for an operator's first look (design 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lern_pipeline.microbatch.failure_trace import FailureTrace


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed records of one job, error class and reason. ``batches``: keys of theirs, those of the newest first."""

    job_name: str
    error_class: str
    reason: str
    count: int
    first_ms: int
    last_ms: int
    batches: tuple[str, ...]


def failure_groups(traces: Iterable[FailureTrace]) -> list[FailureGroup]:
    """The groups, the one with the newest failure first."""
    gathered: dict[tuple[str, str, str], list[FailureTrace]] = defaultdict(list)
    for trace in traces:
        gathered[trace.job_name, trace.error_class, trace.reason].append(trace)
    groups = [_group(names, members) for names, members in gathered.items()]
    return sorted(groups, key=lambda group: (-group.last_ms, group.job_name, group.error_class, group.reason))


def _group(names: tuple[str, str, str], members: list[FailureTrace]) -> FailureGroup:
    times = [trace.failed_at_ms for trace in members]
    newest = sorted(members, key=lambda trace: -trace.failed_at_ms)
    batches = dict.fromkeys(trace.batch for trace in newest if trace.batch)
    return FailureGroup(*names, len(members), min(times), max(times), tuple(batches))
