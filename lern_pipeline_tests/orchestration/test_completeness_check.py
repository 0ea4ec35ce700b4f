"""The check an operator runs shows a planted gap, skipped batches and failed events."""

from __future__ import annotations

import dagster as dg
import pytest

from lern_pipeline.jobs.all_jobs import job_named
from lern_pipeline.microbatch.completeness import Fate, completeness
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.completeness_check import _batches, batch_fates, check_result

pytestmark = pytest.mark.dagster

JOB = job_named("relation-cache-updater")
KEYS = ("20261101T000000Z_0.0-5_1.0", "20261101T000001Z_0.5-9_1.0-3", "20261101T000002Z_0.9-12_1.3")


def ledger(instance: dg.DagsterInstance, keys: tuple[str, ...], skipped: frozenset[str] = frozenset()) -> None:
    instance.add_dynamic_partitions(names.partitions_name(JOB), list(keys))
    for key in keys:
        metadata = {} if key in skipped else {"failed": 2}
        instance.report_runless_asset_event(
            dg.AssetMaterialization(names.asset_key(JOB), partition=key, metadata=metadata)
        )


def looked_at(instance: dg.DagsterInstance) -> dg.AssetCheckResult:
    fates, failed_events = batch_fates(JOB, instance)
    texts = instance.get_dynamic_partitions(names.partitions_name(JOB))
    return check_result(completeness(_batches(texts, fates), {0: 0, 1: 0}), failed_events)


def test_a_whole_ledger_passes_and_tells_of_skipped_batches_and_failed_events() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ledger(instance, KEYS, skipped=frozenset({KEYS[1]}))
        result = looked_at(instance)
    assert result.passed
    assert result.metadata["skipped"].value == 1
    assert result.metadata["failed_events"].value == 4
    assert KEYS[1] in str(result.metadata["skipped_batches"].value)


def test_a_planted_gap_is_shown() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ledger(instance, KEYS)
        instance.delete_dynamic_partition(names.partitions_name(JOB), KEYS[1])
        result = looked_at(instance)
    assert not result.passed
    findings = str(result.metadata["findings"].value)
    assert "gap: partition 0, offsets 5 to 9" in findings
    assert "gap: partition 1, offsets 0 to 3" in findings


def test_a_batch_that_was_run_again_counts_its_newest_run_only() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ledger(instance, KEYS[:1])
        instance.report_runless_asset_event(
            dg.AssetMaterialization(names.asset_key(JOB), partition=KEYS[0], metadata={"failed": 5})
        )
        assert batch_fates(JOB, instance) == ({KEYS[0]: Fate.RUN}, 5)
