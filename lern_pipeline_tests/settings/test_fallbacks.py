"""Variables that take another one's value when they have none of their own."""

from __future__ import annotations

import pytest

from lern_pipeline_tests.settings.conftest import Load

pytestmark = pytest.mark.rules

OTHERS = ("redis-meta", "dp-redis", "dedup-redis")


@pytest.mark.parametrize("prefix", OTHERS)
def test_the_other_redis_servers_are_the_first_one(load: Load, prefix: str):
    settings = load("c.yaml", "redis: {host: cache, port: 6380, password: p, ssl.enabled: true}").shared()

    assert settings.address(prefix) == ("cache", 6380)
    assert settings.text(f"{prefix}.password") == "p"
    assert settings.flag(f"{prefix}.ssl.enabled") is True
    assert settings.origin(f"{prefix}.host") == "default, as redis.host"
    assert settings.is_default(f"{prefix}.host")


@pytest.mark.parametrize("prefix", OTHERS)
def test_one_servers_password_is_not_offered_to_another_server(load: Load, prefix: str):
    text = f"redis: {{host: cache, username: u, password: p, ssl.enabled: true}}\n{prefix}.host: other"
    settings = load("c.yaml", text).shared()

    assert settings.optional_text(f"{prefix}.password") is None
    assert settings.optional_text(f"{prefix}.username") is None
    assert settings.flag(f"{prefix}.ssl.enabled") is False


@pytest.mark.parametrize("prefix", OTHERS)
def test_the_same_server_named_twice_needs_its_password_once(load: Load, prefix: str):
    text = f"redis: {{host: cache, port: 1, password: p}}\n{prefix}: {{host: cache, port: 1}}"

    assert load("c.yaml", text).shared().text(f"{prefix}.password") == "p"


def test_an_own_password_stays(load: Load):
    settings = load("c.yaml", "redis: {host: cache, password: p}\nredis-meta.password: q").shared()

    assert settings.text("redis-meta.password") == "q"


def test_the_cassandra_of_manage_learn_is_the_learning_one(load: Load):
    text = "lms-cassandra: {host: 'c1,c2', port: 9043, username: u, password: p, isMultiDCEnabled: true}"
    settings = load("c.yaml", text).for_job("program-user-info")

    assert settings.texts("ml-cassandra.host") == ("c1", "c2")
    assert settings.integer("ml-cassandra.port") == 9043
    assert settings.flag("ml-cassandra.isMultiDCEnabled") is True
    assert settings.text("ml-cassandra.password") == "p"


def test_a_fallback_follows_the_jobs_own_value(load: Load):
    configuration = load("c.yaml", "redis.host: a\njobs.relation-cache-updater.redis.host: b")

    assert configuration.for_job("relation-cache-updater").text("dp-redis.host") == "b"
    assert configuration.for_job("assessment-aggregator").text("dp-redis.host") == "a"


def test_the_indexer_finds_the_learning_cassandra_where_one_is_set(load: Load):
    assert load("c.yaml", "").for_job("user-cache-indexer").text("sunbird.user.cluster.host") == "127.0.0.1"
    set_ = load("c.yaml", "lms-cassandra.host: c1").for_job("user-cache-indexer")
    assert set_.text("sunbird.user.cluster.host") == "c1"


def test_blank_mail_and_sms_settings_fall_back_as_in_the_existing_job(load: Load):
    text = "mail_server_host: ''\nsunbird_mail_server_host: mail\nsms_default_sender: ''\nmail_server_from_email: ''\n"
    settings = load("c.yaml", text).for_job("notification-job")

    assert settings.text("mail_server_host") == "mail"
    assert settings.text("sms_default_sender") == "TesSun"
    assert settings.text("mail_server_from_email") == "support@open-sunbird.org"
    assert settings.optional_text("sms_auth_key") is None
