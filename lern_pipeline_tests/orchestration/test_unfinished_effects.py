"""What nobody knows the outcome of: shown, sent or dropped by an operator, through Dagster."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.orchestration import installation, names
from lern_pipeline.orchestration.batch_asset import batch_asset
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.unfinished_effects import (
    NOTHING_UNFINISHED,
    SETTLED_TAG,
    UNFINISHED_EFFECTS,
    Settlement,
    runs_again,
    settle,
    settled_sensor,
    settling_job,
    unfinished_effects_asset,
)
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.parcels import Carrier, parcels_job, times_out
from lern_pipeline_tests.microbatch.tally import event, key_of
from lern_pipeline_tests.orchestration.installed import SETTINGS

pytestmark = pytest.mark.dagster


@dataclass
class Post:
    """One batch of two parcels; whether ada's was sent nobody knows."""

    world: InMemoryWorld
    carrier: Carrier
    job: JobSpec[str, None]
    resource: Installation
    instance: dg.DagsterInstance
    key: str

    def run_batch(self, rerun: bool) -> dg.ExecuteInProcessResult:
        asset = batch_asset(
            self.job, load_configuration(self.resource.config_file, {}).for_job("relation-cache-updater")
        )
        return dg.materialize(
            [asset],
            partition_key=self.key,
            instance=self.instance,
            resources={"installation": self.resource},
            tags={} if rerun else {names.ATTEMPT_TAG: "1"},
            raise_on_error=False,
        )

    def settle(self, **decision: Any) -> dg.ExecuteInProcessResult:
        config = {"ops": {"settle_unfinished_effects": {"config": {"job": "parcels", **decision}}}}
        return settling_job([self.job]).execute_in_process(
            config, instance=self.instance, resources={"installation": self.resource}, raise_on_error=False
        )

    def listed(self) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [unfinished_effects_asset([self.job])], instance=self.instance, resources={"installation": self.resource}
        )


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    config_file = tmp_path / "lern.yaml"
    config_file.write_text(SETTINGS.format(store=tmp_path / "batches"))
    world = InMemoryWorld()
    carrier = Carrier(answers_look_ups=False)
    job = parcels_job(carrier, Carrier(answers_look_ups=False))
    settings = load_configuration(str(config_file), {}).for_job("relation-cache-updater")
    monkeypatch.setattr(installation, "_services", lambda config_file, name, cassandra: world.services)
    monkeypatch.setattr(Installation, "settings", lambda self, job: settings)
    for user in ("ada", "eve"):
        world.broker.append(event(user))
    with dg.DagsterInstance.ephemeral() as instance:
        key = str(key_of(world.broker))
        instance.add_dynamic_partitions(names.partitions_name(job), [key])
        post = Post(world, carrier, job, Installation(config_file=str(config_file)), instance, key)
        carrier.behaviour["ada"] = times_out
        assert not post.run_batch(rerun=False).success
        carrier.behaviour.clear()
        assert post.run_batch(rerun=False).success
        yield post


def check_of(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (evaluation,) = [e for e in result.get_asset_check_evaluations() if e.check_name == NOTHING_UNFINISHED]
    return evaluation


def test_the_asset_lists_what_is_unknown_and_its_check_warns(post: Post) -> None:
    result = post.listed()
    (materialisation,) = result.asset_materializations_for_node("unfinished_effects")
    (record,) = materialisation.metadata["effects"].value.records  # type: ignore[union-attr]
    assert (record.data["job"], record.data["what"], record.data["to_whom"]) == ("parcels", "a send", "u…")
    assert record.data["batch"] == post.key
    assert not check_of(result).passed


def test_what_is_sent_by_the_operator_goes_out_with_the_rerun_that_the_sensor_requests(post: Post) -> None:
    result = post.settle(send=True)
    assert result.success
    run = post.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert json.loads(run.tags[SETTLED_TAG]) == {"job": "parcels", "batches": [post.key]}
    (request,) = runs_again([post.job], run)
    assert isinstance(request, dg.RunRequest)
    assert (request.job_name, request.partition_key) == ("parcels_batch", post.key)
    assert post.run_batch(rerun=True).success
    assert post.carrier.sent == {"ada": 1, "eve": 1}
    assert check_of(post.listed()).passed


def test_what_is_dropped_is_gone_and_nothing_runs_again(post: Post) -> None:
    result = post.settle(send=False)
    run = post.instance.get_run_by_id(result.run_id)
    assert run is not None
    (skipped,) = runs_again([post.job], run)
    assert isinstance(skipped, dg.SkipReason)
    post.run_batch(rerun=True)
    assert post.carrier.sent == {"eve": 1}
    assert check_of(post.listed()).passed


@pytest.mark.parametrize(
    "decision",
    [Settlement(job="tally", send=True), Settlement(job="parcels", send=True, keys=["send|9.9"])],
    ids=["no such job", "no such key"],
)
def test_a_decision_about_nothing_is_refused(post: Post, decision: Settlement) -> None:
    with pytest.raises(dg.Failure):
        settle([post.job], post.resource, decision)


def test_the_sensor_watches_the_settling_job(post: Post) -> None:
    settling = settling_job([post.job])
    batch_job = dg.define_asset_job("parcels_batch", dg.AssetSelection.assets("parcels"))
    sensor = settled_sensor([post.job], settling, [batch_job])
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert dg.AssetKey("unfinished_effects") == UNFINISHED_EFFECTS
