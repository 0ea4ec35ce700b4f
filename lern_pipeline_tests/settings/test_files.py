from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.settings.conftest import Load

pytestmark = pytest.mark.rules

AAU = "activity-aggregate-updater"
RCU = "relation-cache-updater"


@pytest.mark.parametrize(
    "text",
    [
        "redis:\n  host: cache\n  port: '6380'\n",
        "redis.host: cache\nredis.port: 6380\n",
        "redis: {host: cache}\nredis.port: 6380.0\n",
    ],
)
def test_yaml_may_be_nested_or_dotted_and_numbers_quoted(load: Load, text: str):
    assert load("c.yaml", text).shared().address("redis") == ("cache", 6380)


@pytest.mark.parametrize(
    "text",
    [
        'redis { host = "cache", port = "6380" }',
        "redis.host = cache\nredis.port = 6380",
        '"redis.host" = cache\n"redis.port" = 6380',
        'redis."host" = cache\nredis { "port" : 6380 }',
        "redis { host = cache }\nredis { port = 6380 }",
    ],
)
def test_hocon_may_be_nested_dotted_or_quoted(load: Load, text: str):
    assert load("c.conf", text).shared().address("redis") == ("cache", 6380)


@pytest.mark.parametrize("spelling", ["env: dev", "job.env: dev", "job:\n  env: dev"])
def test_the_environments_name_is_filled_in_everywhere(load: Load, spelling: str):
    configuration = load("c.yaml", f"{spelling}\njobs.{AAU}.kafka.groupId: '{{{{env}}}}-{{env}}-group'\n")

    assert configuration.shared().env == "dev"
    assert configuration.for_job(AAU).text("kafka.groupId") == "dev-dev-group"
    assert configuration.for_job(AAU).text("kafka.input.topic") == "dev.coursebatch.job.request"


def test_a_secret_is_taken_as_it_is(load: Load):
    assert load("c.yaml", "redis.password: 'a{env}b'").shared().text("redis.password") == "a{env}b"


def test_a_jobs_block_wins_for_that_job_only(load: Load):
    configuration = load("c.yaml", f"redis.host: shared\njobs:\n  {AAU}:\n    redis: {{host: own}}\n")

    assert configuration.for_job(AAU).text("redis.host") == "own"
    assert configuration.for_job(RCU).text("redis.host") == "shared"
    assert configuration.shared().text("redis.host") == "shared"


def test_origins_say_where_a_value_comes_from(load: Load, tmp_path: Path):
    configuration = load(
        "c.yaml",
        f"redis.host: a\njobs.{AAU}.redis.port: 1\n",
        env={"LERN_PIPELINE_ENV": "dev"},
    )
    settings = configuration.for_job(AAU)

    assert settings.origin("redis.host") == str(tmp_path / "c.yaml")
    assert settings.origin("redis.port") == f"{tmp_path / 'c.yaml'}, jobs.{AAU}"
    assert settings.origin("env") == settings.origin("job.env") == "environment variable LERN_PIPELINE_ENV"
    assert settings.origin("kafka.broker-servers") == "default"
    assert not settings.is_default("redis.host")
    assert settings.is_default("kafka.broker-servers")


def test_the_reference_spelling_of_a_name_is_accepted(load: Load):
    settings = load("c.yaml", "kafka.output.audit.topic: audits").for_job(AAU)

    assert settings.text("kafka.audit.topic") == "audits"


def test_of_two_spellings_the_documented_one_wins_with_a_warning(load: Load):
    text = f"jobs.{AAU}:\n  kafka.audit.topic: documented\n  kafka.output.audit.topic: other\n"
    configuration = load("c.yaml", text)

    assert configuration.for_job(AAU).text("kafka.audit.topic") == "documented"
    assert any("kafka.output.audit.topic is left out" in warning for warning in configuration.warnings)


@pytest.mark.parametrize(
    "value", ['["google","self"]', '"google,self"', '"[\\"google\\", \\"self\\"]"', "[google, self]"]
)
@pytest.mark.parametrize("name", ["c.conf", "c.yaml"])
def test_lists_may_be_lists_json_or_texts_with_commas(load: Load, name: str, value: str):
    sign = "=" if name == "c.conf" else ":"
    settings = load(name, f"user.self.signin.types {sign} {value}\n").for_job("user-cache-updater")

    assert settings.texts("user.self.signin.types") == ("google", "self")


def test_contact_points_may_be_a_list(load: Load):
    settings = load("c.yaml", "lms-cassandra.host: [a, b]").shared()

    assert settings.texts("lms-cassandra.host") == ("a", "b")
    assert load("d.yaml", "lms-cassandra.host: 'a, b'").shared().texts("lms-cassandra.host") == ("a", "b")


def test_null_is_as_good_as_not_set(load: Load):
    assert load("c.yaml", "redis.host: null").shared().origin("redis.host") == "default"
    assert load("c.conf", "redis.host = null").shared().origin("redis.host") == "default"


@pytest.mark.parametrize("name", ["c.yaml", "c.yml", "c.conf", "c.hocon"])
def test_an_empty_file_leaves_the_defaults(load: Load, name: str):
    assert load(name, "").shared().env == "local"


def test_hocon_substitutions_find_names_and_the_environment(load: Load):
    text = """
        job.env = dev
        kafka.audit.topic = ${job.env}".audits"
        redis.host = localhost
        redis.host = ${?REDIS_HOST}
        sunbird_instance_name = ${?NOT_THERE}
        sunbird_sso_password = ${?sunbird_sso_password}
    """
    environ = {"REDIS_HOST": "cache", "sunbird_sso_password": "p"}
    configuration = load("c.conf", text, env=environ)

    assert configuration.for_job(AAU).text("kafka.audit.topic") == "dev.audits"
    assert configuration.shared().text("redis.host") == "cache"
    assert configuration.shared().text("sunbird_instance_name") == "Sunbird"
    assert configuration.for_job("user-deletion-cleanup").text("sunbird_sso_password") == "p"


@pytest.mark.filterwarnings("ignore:The 'warn' method:DeprecationWarning")
def test_hocon_includes_are_followed_and_a_missing_one_is_a_warning(load: Load, tmp_path: Path):
    (tmp_path / "more.conf").write_text("redis.host = included")
    text = 'include "more.conf"\ninclude classpath("more.conf")\ninclude "nowhere.conf"\n'
    configuration = load("c.conf", text)

    assert configuration.shared().text("redis.host") == "included"
    assert any("nowhere.conf" in warning for warning in configuration.warnings)


@pytest.mark.parametrize("text", ["redis = x\nredis.host = cache", "redis.port = 1\nredis = x\nredis.host = cache"])
def test_a_hocon_name_that_is_a_value_and_a_prefix_does_no_harm(load: Load, text: str):
    assert load("c.conf", text).shared().text("redis.host") == "cache"


def test_bad_characters_of_an_existing_file_arrive_literally(load: Load):
    settings = load("c.conf", r'task.rc.badcharlist = "\\x00,\\\\aaa,\\aaa,Ø,Ý"').for_job("legacy-certificate-migrator")

    assert settings.text("task.rc.badcharlist") == "\\x00,\\\\aaa,\\aaa,Ø,Ý"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("c.yaml", "a: [geheim", "cannot be read as YAML: line 2"),
        ("c.yaml", "- a", "expected settings"),
        ("c.conf", 'password = "geheim\nb = 1', "line 1, column 12 is not HOCON"),
        ("c.conf", "a = ${NOT_THERE}", "Cannot resolve variable"),
        ("c.conf", "a = ${HOME}\na.password = geheim", "values that cannot be joined at line 1"),
        ("c.ini", "", "expected a name that ends in .yaml"),
    ],
)
def test_an_unreadable_file_is_refused_in_one_line_without_its_content(load: Load, name: str, text: str, expected: str):
    with pytest.raises(ConfigurationError) as refused:
        load(name, text, env={"HOME": "/home"})

    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "geheim" not in str(refused.value)


def test_a_missing_file_is_refused():
    with pytest.raises(ConfigurationError, match=r"no file or directory nowhere\.yaml"):
        load_configuration(None, {"LERN_PIPELINE_CONFIG": "nowhere.yaml"})
