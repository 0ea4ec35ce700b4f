"""Clients of the certificate jobs, with the stand-ins: what is asked how, and what becomes of bad answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.certificate_services import CallFailed, CertificateServices
from lern_pipeline.resources.services import services_for
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.third_party.answers import Answer
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.all_services import all_services

pytestmark = pytest.mark.rules

CERTIFICATE = {"certificateLabel": "Merit", "status": "ACTIVE", "recipient": {"id": "u1"}}
SEARCH = {"filters": {"recipient.id": {"eq": "u1"}, "status": {"eq": "ACTIVE"}}}


@pytest.fixture
def server() -> Iterator[ThirdParty]:
    with ThirdParty(all_services()) as running:
        yield running


@pytest.fixture
def services(server: ThirdParty) -> Iterator[CertificateServices]:
    given = {
        "LERN_PIPELINE_SERVICE_RC_BASEPATH": f"{server.address}/rc/api/v1",
        "LERN_PIPELINE_SERVICE_RC_RCAPIKEY": "K1",
        "LERN_PIPELINE_SERVICE_LEARNER_BASEPATH": f"{server.address}/userorg",
        "LERN_PIPELINE_SERVICE_ENC_BASEPATH": f"{server.address}/enc",
        "LERN_PIPELINE_SERVICE_CERTREG_BASEPATH": f"{server.address}/certreg",
        # The first host cannot be reached.
        "LERN_PIPELINE_ES_BASEPATH": f"127.0.0.1:9,{server.host_and_port}",
        "LERN_PIPELINE_HTTP_ATTEMPTS": "1",
    }
    made = services_for(load_configuration(None, given).for_job("collection-certificate-generator"))
    yield made.certificates
    made.certificates.close()


@pytest.mark.parametrize("shape", ["array", "data"])
def test_certificates_are_created_found_and_deleted(
    shape: str, server: ThirdParty, services: CertificateServices
) -> None:
    server.services["registry"].add({"shape": shape})
    assert services.registry.public_keys()[0]["osid"] == "1-key"
    osid = services.registry.create(CERTIFICATE)
    assert [hit["osid"] for hit in services.registry.certificates(SEARCH, authorized=True)] == [osid]
    assert osid is not None
    services.registry.delete(osid)
    keys, created, searched, deleted = server.requests
    assert "Authorization" not in keys.headers | deleted.headers
    assert created.headers["Authorization"] == searched.headers["Authorization"] == "K1"
    with pytest.raises(CallFailed) as error:
        services.registry.delete("0c07/old")
    assert error.value.status == 404
    assert server.requests[-1].path.endswith("/0c07%2Fold")


def test_an_error_envelope_is_an_error(server: ThirdParty, services: CertificateServices) -> None:
    server.answer("rc", {"params": {"status": "UNSUCCESSFUL", "errmsg": "registry broken"}, "result": ""})
    with pytest.raises(CallFailed, match="registry broken"):
        services.registry.public_keys()


def test_what_is_an_outage_and_what_was_certainly_not_done(server: ThirdParty, services: CertificateServices) -> None:
    server.answer("rc", Answer(status=500), Answer(drop=True), Answer(status=400), Answer(status=404))
    found = []
    for _ in range(3):
        with pytest.raises(CallFailed) as error:
            services.registry.create(CERTIFICATE)
        found.append((error.value.status, error.value.is_outage, error.value.certain))
    assert found == [(500, True, False), (None, True, False), (400, False, True)]
    assert services.registry.certificates(SEARCH, authorized=False) == []


def test_a_refusal_names_the_key(server: ThirdParty, services: CertificateServices) -> None:
    server.answer("rc", Answer(status=401))
    with pytest.raises(ConfigurationError, match=r"service\.rc\.rcApiKey"):
        services.registry.create(CERTIFICATE)
    with pytest.raises(CallFailed) as error:
        services.registry.delete("1-x")
    assert error.value.status == 401


def test_an_answer_without_osid(server: ThirdParty, services: CertificateServices) -> None:
    server.answer("rc", Answer({"result": {"transactionId": "t"}}, 201))
    assert services.registry.create(CERTIFICATE) is None


def test_documents_are_deleted_on_the_first_host_that_answers(
    server: ThirdParty, services: CertificateServices
) -> None:
    server.services["documents"].add({"certs": {"a": {}, "b": {}}})
    services.documents.delete("certs", "a")
    services.documents.delete("certs", "never there")
    assert server.services["documents"].state() == {"certs": {"b": {}}}


def test_notifications_and_feed_entries_are_not_repeated(server: ThirdParty, services: CertificateServices) -> None:
    server.answer("userorg", Answer(status=503))
    for send in (services.notifications.send, services.feed.create):
        with pytest.raises(CallFailed):
            send({"userId": "u1"})
    assert len(server.requests) == 2


def test_the_old_registry_and_the_signature(server: ThirdParty, services: CertificateServices) -> None:
    services.old.registry.add({"id": "c1", "accessCode": "A1B2C3"})
    assert services.old.signing.sign("7", {"id": "c1"}) == "signed-7"
    assert server.services["old certificate registry"].state() == {"c1": {"id": "c1", "accessCode": "A1B2C3"}}
    with pytest.raises(CallFailed, match="CLIENT_ERROR"):
        services.old.registry.add({})
