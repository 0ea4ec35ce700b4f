from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings import load_configuration
from lern_pipeline.settings.variable import environment_name
from lern_pipeline_tests.settings.conftest import Load

pytestmark = pytest.mark.rules

AAU = "activity-aggregate-updater"
DEDUP = "activity.input.dedup.enabled"


def test_names_are_spelled_in_capitals_and_underscores():
    assert environment_name("lms-cassandra.host") == "LERN_PIPELINE_LMS_CASSANDRA_HOST"
    assert environment_name(DEDUP, AAU) == (
        "LERN_PIPELINE_JOBS_ACTIVITY_AGGREGATE_UPDATER__ACTIVITY_INPUT_DEDUP_ENABLED"
    )


def test_the_path_comes_from_the_environment_unless_given(tmp_path: Path):
    named, given = tmp_path / "named.yaml", tmp_path / "given.yaml"
    named.write_text("env: named")
    given.write_text("env: given")
    environ = {"LERN_PIPELINE_CONFIG": str(named)}

    assert load_configuration(None, environ).shared().env == "named"
    assert load_configuration(str(given), environ).shared().env == "given"


def test_precedence_rises_from_default_to_the_jobs_variable(load: Load):
    layers: list[tuple[str, dict[str, str], int]] = [
        ("", {}, 1000),
        ("threshold.batch.read.size: 1", {}, 1),
        (f"threshold.batch.read.size: 1\njobs.{AAU}.threshold.batch.read.size: 2", {}, 2),
        (f"jobs.{AAU}.threshold.batch.read.size: 2", {"LERN_PIPELINE_THRESHOLD_BATCH_READ_SIZE": "3"}, 3),
        (
            f"jobs.{AAU}.threshold.batch.read.size: 2",
            {
                "LERN_PIPELINE_THRESHOLD_BATCH_READ_SIZE": "3",
                environment_name("threshold.batch.read.size", AAU): "4",
            },
            4,
        ),
    ]
    for text, env, expected in layers:
        assert load("c.yaml", text, env=env).for_job(AAU).integer("threshold.batch.read.size") == expected


def test_an_alias_can_be_overridden_too(load: Load):
    configuration = load("c.yaml", "job.env: file", env={"LERN_PIPELINE_JOB_ENV": "environment"})

    assert configuration.shared().env == "environment"


def test_lists_come_as_json_or_with_commas(load: Load):
    for value in ('["a", "b"]', "a,b"):
        configuration = load(env={"LERN_PIPELINE_USER_VALIDATED_TYPES": value})
        assert configuration.for_job("user-cache-updater").texts("user.validated.types") == ("a", "b")


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("LERN_PIPELINE_REDIS_HOTS", r"nearest: LERN_PIPELINE_REDIS_HOST"),
        ("LERN_PIPELINE_JOBS_RELATION_CACHE_UPDATER__REDIS_HOTS", r"no setting of|names no setting.*REDIS_HOST"),
        ("LERN_PIPELINE_JOBS_RELATION_CACHE_UPDATER__MAIL_SERVER_HOST", "names no setting"),
        ("LERN_PIPELINE_JOBS_RELATION_CASH_UPDATER__REDIS_HOST", "names no job.*RELATION_CACHE_UPDATER__"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_one(load: Load, variable: str, expected: str):
    with pytest.raises(ConfigurationError, match=f"{variable} in the environment.*{expected}"):
        load(env={variable: "x"})


def test_a_variable_that_two_names_share_has_to_be_set_per_job(load: Load):
    with pytest.raises(ConfigurationError, match=r"could mean content\.read\.api or content_read_api"):
        load(env={"LERN_PIPELINE_CONTENT_READ_API": "/x"})

    configuration = load(env={"LERN_PIPELINE_JOBS_ASSESSMENT_AGGREGATOR__CONTENT_READ_API": "http://x/"})
    assert configuration.for_job("assessment-aggregator").text("content.read.api") == "http://x/"


def test_reserved_and_foreign_variables_are_left_alone(load: Load):
    load(env={"LERN_PIPELINE_LOCAL": "1", "LERN_PIPELINE_CRASH_AT": "apply", "REDIS_HOTS": "x"})


def test_a_secret_of_the_environment_needs_no_warning(load: Load):
    assert load(env={"LERN_PIPELINE_REDIS_PASSWORD": "p"}).warnings == ()
