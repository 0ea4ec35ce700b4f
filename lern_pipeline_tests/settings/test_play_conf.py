"""The configuration that the recorded scenarios were made for: one HOCON file for all jobs."""

from __future__ import annotations

import pytest

from lern_pipeline.settings.catalogue import JOBS
from lern_pipeline_tests.settings.conftest import Load

pytestmark = pytest.mark.rules

PLAY = """
env = "play"
kafka { broker-servers = "127.0.0.1:9093", auto.offset.reset = "earliest" }
lms-cassandra { host = "127.0.0.1", port = 9142 }
ml-cassandra { host = "127.0.0.1", port = 9142 }
redis { host = "127.0.0.1", port = 6340 }
redis-meta { host = "127.0.0.1", port = 6340 }
dedup-redis { host = "127.0.0.1", port = 6340 }
dp-redis { host = "127.0.0.1", port = 6340 }
ml-mongo { host = "127.0.0.1", port = 27018, database = "ml-service" }
es { basePath = "127.0.0.1:9200" }
service {
  search.basePath = "http://127.0.0.1:8080/search"
  content.basePath = "http://127.0.0.1:8080"
  learner.basePath = "http://127.0.0.1:8080"
  userorg.basePath = "http://127.0.0.1:8080"
  lms.basePath = "http://127.0.0.1:8080"
  taxonomy.basePath = "http://127.0.0.1:8080"
  certreg.basePath = "http://127.0.0.1:8080/certreg"
  enc.basePath = "http://127.0.0.1:8080/enc"
  rc.basePath = "http://127.0.0.1:8080/api/v1"
  rc.rcApiKey = "token"
}
content.read.api = "http://127.0.0.1:8080/api/content/v1/read/"
cert_domain_url = "http://127.0.0.1:8080"
sunbird_sso_url = "http://127.0.0.1:8080/auth"
sunbird_sso_realm = "sunbird"
sunbird_sso_client_id = "lms"
sunbird_sso_client_secret = "secret"
sunbird_sso_username = "admin"
sunbird_sso_password = "admin"
sunbird_keycloak_user_federation_provider_id = "provider"
"""


def test_every_name_is_known_and_reaches_its_jobs(load: Load):
    configuration = load("play.conf", PLAY)

    for job in JOBS:
        assert configuration.for_job(job).address("redis-meta") == ("127.0.0.1", 6340)
    for job in ("activity-aggregate-updater", "enrolment-reconciliation"):
        assert configuration.for_job(job).text("service.search.basePath") == "http://127.0.0.1:8080/search"
    for job in ("user-cache-updater", "user-deletion-cleanup", "user-ownership-transfer"):
        assert configuration.for_job(job).text("service.userorg.basePath") == "http://127.0.0.1:8080"
    assert configuration.for_job("user-deletion-cleanup").text("sunbird_sso_password") == "admin"
    assert configuration.for_job("ml-user-delete").address("ml-mongo") == ("127.0.0.1", 27018)


def test_its_warnings_are_about_its_secrets_only(load: Load):
    assert [warning.split(": ")[1].split()[0] for warning in load("play.conf", PLAY).warnings] == [
        "service.rc.rcApiKey",
        "sunbird_sso_client_secret",
        "sunbird_sso_password",
    ]
