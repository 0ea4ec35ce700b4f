from __future__ import annotations

import io
import json

import pytest

from lern_pipeline.settings import Configuration
from lern_pipeline.settings.catalogue import variables
from lern_pipeline.settings.show import built_jobs, print_configuration
from lern_pipeline_tests.settings.conftest import Load

pytestmark = pytest.mark.rules

AAU = "activity-aggregate-updater"


def printed(configuration: Configuration, job: str | None, *, as_json: bool = False) -> str:
    out = io.StringIO()
    print_configuration(configuration, job, as_json, out)
    return out.getvalue()


@pytest.fixture
def configuration(load: Load) -> Configuration:
    text = "redis: {host: cache, password: geheim}\ntask.parallelism: 4\n"
    return load("c.yaml", text, env={"LERN_PIPELINE_KAFKA_SASL_PASSWORD": "geheim"})


def test_a_line_has_name_value_and_origin_in_columns(configuration: Configuration):
    lines = [line for line in printed(configuration, AAU).splitlines() if line.startswith("  ")]
    columns = {line.split()[0]: line.split(None, 2)[1:] for line in lines}

    assert columns["kafka.groupId"] == ["local-activity-aggregate-updater-group", "default"]
    assert columns["redis.host"][0] == "cache"
    assert columns["activity.input.dedup.enabled"] == ["true", "default"]
    assert columns["dedup-redis.host"] == ["cache", "default, as redis.host"]
    assert columns["service.search.basePath"] == ["-", "default"]
    assert len({len(line) - len(line[2:].split(None, 1)[1]) for line in lines}) == 1, "values are aligned"


def test_what_is_not_needed_is_listed_only_where_somebody_set_it(configuration: Configuration):
    text = printed(configuration, AAU)

    assert "(not needed: Flink's operator parallelism" in text
    assert "kafka.zookeeper" not in text


def test_without_a_job_come_the_common_settings_and_what_each_job_has_of_its_own(configuration: Configuration):
    text = printed(configuration, None)

    assert text.startswith("every job\n")
    for job in built_jobs():
        assert f"\n{job}\n" in text
    assert text.count("  kafka.broker-servers ") == 1


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("job", [None, AAU])
def test_secrets_are_masked_and_warnings_shown(configuration: Configuration, job: str | None, as_json: bool):
    text = printed(configuration, job, as_json=as_json)

    assert "geheim" not in text
    assert "******" in text
    assert "redis.password is a secret" in text


def test_json_has_every_setting_in_the_catalogues_order(configuration: Configuration):
    document = json.loads(printed(configuration, AAU, as_json=True))

    assert document["job"] == AAU
    assert [setting["name"] for setting in document["settings"]] == list(variables(AAU))
    assert {
        key: value
        for setting in document["settings"]
        if setting["name"] == "redis.password"
        for key, value in setting.items()
        if key != "origin"
    } == {"name": "redis.password", "value": "******", "secret": True}
    assert list(document["warnings"]) == list(configuration.warnings)


def test_json_without_a_job_has_the_jobs_own_settings_beside_the_common_ones(configuration: Configuration):
    document = json.loads(printed(configuration, None, as_json=True))

    assert document["job"] is None
    assert [entry["job"] for entry in document["jobs"]] == list(built_jobs())
