from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings import load_configuration
from lern_pipeline.settings.catalogue import JOBS

pytestmark = pytest.mark.rules

AAU = "activity-aggregate-updater"


def test_without_a_file_every_job_has_its_documented_topic_and_group():
    configuration = load_configuration(None, {})
    topics = {job: configuration.for_job(job).text("kafka.input.topic") for job in JOBS if job != "user-cache-indexer"}
    groups = [configuration.for_job(job).text("kafka.groupId") for job in topics]

    assert topics[AAU] == "local.coursebatch.job.request"
    assert topics["relation-cache-updater"] == "local.content.postpublish.request"
    assert topics["ml-user-delete"] == topics["user-deletion-cleanup"] == "local.delete.user"
    assert len(set(groups)) == len(groups), "two jobs of one group would take each other's records"


@pytest.mark.parametrize(
    ("job", "name", "value"),
    [
        (AAU, "kafka.groupId", "local-activity-aggregate-updater-group"),
        (AAU, "kafka.output.failed.topic", "local.activity.agg.failed"),
        (AAU, "service.search.basePath", None),
        ("enrolment-reconciliation", "kafka.output.failed.topic", "local.enrolment.reconciliation.failed"),
        ("relation-cache-updater", "lms-cassandra.keyspace", "local_hierarchy_store"),
        ("relation-cache-updater", "kafka.output.failed.topic", "local.lern.pipeline.failed"),
        ("collection-cert-pre-processor", "content_read_api", "/content/v4/read"),
        ("collection-certificate-generator", "task.rc.badcharlist", "\\x00,\\\\aaa,\\aaa,Ø,Ý"),
        ("legacy-certificate-migrator", "kafka.input.topic", "rc.certificate.migrate"),
        ("merge-user-courses", "kafka.groupId", "local-merge-courses-group"),
        ("user-cache-updater", "regd.user.producer.pid", "learner-service"),
        ("notification-job", "kafka.groupId", "local.lms.notification.group"),
        ("notification-job", "sms_default_sender", "TesSun"),
        ("user-cache-indexer", "sunbird.user.cluster.host", "127.0.0.1"),
    ],
)
def test_a_text_has_its_documented_default(job: str, name: str, value: str | None):
    assert load_configuration(None, {}).for_job(job).optional_text(name) == value


def test_settings_are_read_as_their_kind():
    settings = load_configuration(None, {}).for_job(AAU)

    assert settings.job == AAU
    assert settings.env == "local"
    assert settings.integer("threshold.batch.read.size") == 1000
    assert settings.number("threshold.batch.read.interval") == 0.0
    assert settings.flag("activity.input.dedup.enabled") is True
    assert settings.address("redis") == ("localhost", 6379)
    assert settings.texts("kafka.broker-servers") == ("localhost:9092",)


def test_another_spelling_of_a_setting_reads_the_same_setting():
    settings = load_configuration(None, {}).for_job(AAU)

    assert settings.text("kafka.output.audit.topic") == settings.text("kafka.audit.topic")


def test_asking_for_what_a_job_does_not_have_is_a_mistake_of_the_caller():
    settings = load_configuration(None, {}).for_job(AAU)

    with pytest.raises(KeyError, match="activity-aggregate-updater has no setting mail_server_host"):
        settings.text("mail_server_host")
    with pytest.raises(TypeError, match=r"redis\.port is of kind integer"):
        settings.text("redis.port")


def test_a_needed_setting_without_a_value_says_how_to_set_it():
    settings = load_configuration(None, {}).for_job(AAU)

    with pytest.raises(ConfigurationError, match="LERN_PIPELINE_SERVICE_SEARCH_BASEPATH"):
        settings.text("service.search.basePath")


def test_an_unknown_job_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigurationError, match=r"nearest: activity-aggregate-updater"):
        load_configuration(None, {}).for_job("activity-agregate-updater")


def test_the_platforms_other_name_of_the_user_cache_updater_works():
    assert load_configuration(None, {}).for_job("user-cache-updater-v2").job == "user-cache-updater"


def test_settings_travel_to_another_process():
    settings = load_configuration(None, {"LERN_PIPELINE_REDIS_HOST": "cache"}).for_job(AAU)
    copy = pickle.loads(pickle.dumps(settings))

    assert copy.address("redis") == ("cache", 6379)
    assert copy.effective() == settings.effective()


def test_loading_brings_no_heavy_library_into_a_sensor_process():
    code = (
        "import sys; from lern_pipeline.settings import load_configuration; load_configuration(None, {});"
        "print(sorted({'pandas', 'dagster', 'pyhocon', 'pyparsing'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"
