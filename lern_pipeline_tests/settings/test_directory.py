"""The `.conf` files that an installation has for its existing jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings import load_configuration

pytestmark = pytest.mark.rules

AAU = "activity-aggregate-updater"
RCU = "relation-cache-updater"

BASE = """
kafka { broker-servers = "broker:9092", zookeeper = "zk:2181", producer { batch.size = 98304 } }
job { env = "prod", statebackend { blob.storage { account = "a" } } }
task { parallelism = 1, restart-strategy.attempts = 3 }
redis { host = localhost, port = 6379 }
redis.host = ${?REDIS_HOST}
lms-cassandra { host = "c1", port = "9042", isMultiDCEnabled = "false" }
lp.search.basePath = "http://other"
"""

JOB = """
include "base-config.conf"
kafka {
  input.topic = ${job.env}".coursebatch.job.request"
  output.audit.topic = ${job.env}".telemetry.raw"
  groupId = ${job.env}"-activity-aggregate-group"
}
task { window.shards = 1000, dedup.parallelism = 1 }
threshold.batch.read.size = 1
lms-cassandra.host = c2
mail_server_host = "of another job"
actvity.module.aggs.enabled = false
"""


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    (tmp_path / "base-config.conf").write_text(BASE)
    (tmp_path / f"{AAU}.conf").write_text(JOB)
    (tmp_path / "knowledge-job.conf").write_text('include "base-config.conf"')
    return tmp_path


def test_the_base_file_is_for_every_job_and_a_jobs_own_file_wins(installation: Path):
    configuration = load_configuration(str(installation), {"REDIS_HOST": "cache"})
    settings = configuration.for_job(AAU)

    assert settings.text("kafka.groupId") == "prod-activity-aggregate-group"
    assert settings.integer("threshold.batch.read.size") == 1
    assert settings.text("lms-cassandra.host") == "c2"
    assert configuration.for_job(RCU).text("lms-cassandra.host") == "c1"
    assert configuration.for_job(RCU).text("kafka.input.topic") == "prod.content.postpublish.request"
    assert configuration.shared().address("redis") == ("cache", 6379)
    assert configuration.shared().integer("kafka.producer.batch.size") == 98304


def test_what_a_jobs_file_only_includes_comes_from_the_base_file(installation: Path):
    settings = load_configuration(str(installation), {}).for_job(AAU)

    assert settings.origin("kafka.broker-servers") == str(installation / "base-config.conf")
    assert settings.origin("kafka.groupId") == str(installation / f"{AAU}.conf")


def test_the_environment_wins_over_a_jobs_own_file(installation: Path):
    environ = {"LERN_PIPELINE_LMS_CASSANDRA_HOST": "c3"}

    assert load_configuration(str(installation), environ).for_job(AAU).text("lms-cassandra.host") == "c3"


def test_what_is_not_ours_is_a_warning(installation: Path):
    configuration = load_configuration(str(installation), {})
    configuration.for_job(AAU)
    warnings = "\n".join(configuration.warnings)

    assert "unknown and left out: lp.search.basePath" in warnings
    assert "actvity.module.aggs.enabled (nearest: activity.module.aggs.enabled)" in warnings
    assert "settings of other jobs, left out: mail_server_host" in warnings
    assert "knowledge-job.conf is left out" in warnings
    assert "not needed and without effect: kafka.zookeeper" in warnings


def test_a_wrong_value_in_one_jobs_file_stops_that_job_only(installation: Path):
    (installation / f"{AAU}.conf").write_text("redis.port = many")
    configuration = load_configuration(str(installation), {})

    assert configuration.for_job(RCU).job == RCU
    with pytest.raises(ConfigurationError, match=rf"redis\.port .*{AAU}\.conf.*expected a whole number, found 'many'"):
        configuration.for_job(AAU)


def test_a_jobs_block_in_the_base_file_is_ours_and_strict(installation: Path):
    (installation / "base-config.conf").write_text(f"jobs.{RCU}.redis.hots = x")

    with pytest.raises(ConfigurationError, match=r"redis\.hots .*unknown setting \(nearest: redis\.host\)"):
        load_configuration(str(installation), {})


def test_a_directory_without_such_files_is_refused(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"expected base-config\.conf"):
        load_configuration(str(tmp_path), {})
