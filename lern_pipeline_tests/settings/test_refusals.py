from __future__ import annotations

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline_tests.settings.conftest import Load

pytestmark = pytest.mark.rules

AAU = "activity-aggregate-updater"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis.port: many", "redis.port ({file}): expected a whole number, found 'many'"),
        ("redis.port: true", "redis.port ({file}): expected a whole number, found True"),
        ("redis.port: 1_0", None),
        ("redis.port: '1_0'", "redis.port ({file}): expected a whole number, found '1_0'"),
        ("redis.port: ''", "redis.port ({file}): expected a whole number, found ''"),
        ("redis.port: 70000", "redis.port ({file}): expected a number from 1 to 65535, found 70000"),
        ("redis.port: 0", "redis.port ({file}): expected a number from 1 to 65535, found 0"),
        ("http.attempts: 0", "http.attempts ({file}): expected a number that is at least 1, found 0"),
        (
            "microbatch.max.wait.seconds: -1",
            "microbatch.max.wait.seconds ({file}): expected a number that is at least 0",
        ),
        ("microbatch.max.wait.seconds: .nan", "microbatch.max.wait.seconds ({file}): expected a finite number"),
        ("microbatch.max.wait.seconds: soon", "microbatch.max.wait.seconds ({file}): expected a number, found 'soon'"),
        ("redis.ssl.enabled: maybe", "redis.ssl.enabled ({file}): expected true or false, found 'maybe'"),
        ("redis.ssl.enabled: 1", "redis.ssl.enabled ({file}): expected true or false, found 1"),
        ("redis.host: ' '", "redis.host ({file}): expected a text that is not blank"),
        ("env: ''", "env ({file}): expected a text that is not blank"),
        ("kafka.auto.offset.reset: sometimes", "kafka.auto.offset.reset ({file}): expected one of earliest, latest"),
        (f"jobs.{AAU}.redis.port: x", f"redis.port ({{file}}, jobs.{AAU}): expected a whole number"),
        ("redis.hots: x", "redis.hots ({file}): unknown setting (nearest: redis.host)"),
        ("qqqqq: x", "qqqqq ({file}): unknown setting"),
        ("jobs: x", "jobs ({file}): unknown setting"),
        (f"jobs.{AAU}.mail_server_host: x", f"{AAU} has no such setting, only notification-job"),
        ("jobs.activity-agregate-updater.redis.host: x", "no job is called activity-agregate-updater (nearest: "),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(load: Load, tmp_path, text: str, expected: str | None):
    if expected is None:
        load("c.yaml", text)  # YAML itself reads 1_0 as a number
        return
    with pytest.raises(ConfigurationError) as refused:
        load("c.yaml", text)

    assert expected.format(file=tmp_path / "c.yaml") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_environment_is_checked_alike(load: Load):
    with pytest.raises(ConfigurationError) as refused:
        load(env={"LERN_PIPELINE_REDIS_PORT": "0x10"})

    assert str(refused.value) == (
        "redis.port (environment variable LERN_PIPELINE_REDIS_PORT): expected a whole number, found '0x10'"
    )


def test_a_wrong_value_is_refused_also_where_another_one_wins(load: Load):
    with pytest.raises(ConfigurationError, match=r"redis\.port"):
        load("c.yaml", "redis.port: many", env={"LERN_PIPELINE_REDIS_PORT": "6379"})


@pytest.mark.parametrize("name", ["c.yaml", "c.conf"])
def test_a_file_may_carry_settings_that_only_some_jobs_have(load: Load, name: str):
    sign = ":" if name == "c.yaml" else "="
    configuration = load(name, f'mail_server_host {sign} "mail"')

    assert configuration.for_job("notification-job").text("mail_server_host") == "mail"
    with pytest.raises(KeyError):
        configuration.for_job(AAU).text("mail_server_host")


def test_what_nothing_reads_may_hold_anything(load: Load):
    configuration = load("c.yaml", "task.parallelism: lots\nschema.supportedVersion: {itemset: 3}")

    assert configuration.warnings == (
        f"{configuration.for_job(AAU).origin('task.parallelism')}: not needed and without effect: "
        "task.parallelism, schema.supportedVersion.itemset",
    )


@pytest.mark.parametrize("word", ["true", "True", "YES", "on", True])
def test_booleans_may_be_words(load: Load, word: object):
    assert load("c.yaml", f"redis.ssl.enabled: '{word}'").shared().flag("redis.ssl.enabled") is True


def test_choices_ignore_case_and_come_out_as_documented(load: Load):
    assert load("c.yaml", "kafka.security.protocol: sasl_ssl").shared().text("kafka.security.protocol") == "SASL_SSL"


def test_a_blank_means_nothing_where_the_setting_is_optional(load: Load):
    settings = load("c.yaml", "redis.password: ''\nmail_server_port: ''\nkafka.ssl.cafile: ' '\n")

    assert settings.shared().optional_text("redis.password") is None
    assert settings.shared().optional_text("kafka.ssl.cafile") is None
    assert settings.for_job("notification-job").optional_integer("mail_server_port") is None


def test_merge_user_courses_takes_the_deployed_group_where_the_file_has_an_empty_one(load: Load):
    settings = load("c.yaml", "jobs.merge-user-courses.kafka.groupId: ''").for_job("merge-user-courses")

    assert settings.text("kafka.groupId") == "local-merge-courses-group"


def test_a_group_for_every_job_is_a_warning(load: Load):
    (warning,) = load("c.yaml", "kafka.groupId: g").warnings

    assert "kafka.groupId is set for every job" in warning


def test_a_secret_in_a_file_is_a_warning_that_does_not_tell_it(load: Load):
    configuration = load("c.yaml", "redis.password: geheim\nkafka.sasl.password: ''\n")

    (warning,) = configuration.warnings
    assert "redis.password is a secret" in warning
    assert "geheim" not in warning
    assert configuration.shared().text("redis.password") == "geheim"


def test_no_printed_form_tells_a_secret(load: Load):
    configuration = load("c.yaml", "redis.password: geheim")
    settings = configuration.for_job(AAU)

    for printed in (repr(configuration), repr(settings), str(settings), repr(settings.effective())):
        assert "geheim" not in printed
    assert {s.value for s in settings.effective() if s.name in ("redis.password", "redis-meta.password")} == {"******"}
