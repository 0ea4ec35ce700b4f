"""Documents of certificates on a real search cluster: what is deleted, what is no error, and what is."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.resources.document_index import SearchClusterDocuments
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.search_documents import SearchDocuments

pytestmark = pytest.mark.stack

NOBODY = "127.0.0.1:1"


def client(hosts: str) -> SearchClusterDocuments:
    given = {"LERN_PIPELINE_ES_BASEPATH": hosts, "LERN_PIPELINE_HTTP_ATTEMPTS": "2"}
    return SearchClusterDocuments(load_configuration(None, given).for_job("collection-certificate-generator"))


@pytest.fixture
def there(search_cluster: str) -> Iterator[SearchDocuments]:
    documents = SearchDocuments(search_cluster)
    yield documents
    documents.close()


@pytest.fixture
def index(there: SearchDocuments) -> Iterator[str]:
    """The name of an index of the test's own, which is not there yet."""
    name = f"certs-{uuid4().hex[:8]}"
    yield name
    there.drop(name)


@pytest.fixture
def certificates(search_cluster: str) -> Iterator[SearchClusterDocuments]:
    documents = client(search_cluster)
    yield documents
    documents.close()


def test_a_document_is_deleted_and_no_other(
    certificates: SearchClusterDocuments, there: SearchDocuments, index: str
) -> None:
    for document_id in ("1-a", "1-b", "1"):
        there.give(index, document_id, {"identifier": document_id})
    certificates.delete(index, "1-a")
    assert there.of(index) == {"1-b": {"identifier": "1-b"}, "1": {"identifier": "1"}}


def test_one_that_is_not_there_is_no_error(
    certificates: SearchClusterDocuments, there: SearchDocuments, index: str
) -> None:
    there.give(index, "1-a", {})
    for document_id in ("1-b", "1-b"):
        certificates.delete(index, document_id)
    assert there.of(index) == {"1-a": {}}


@pytest.mark.parametrize(
    "document_id",
    [
        "0c07/old",
        "/",
        "a b",
        " ",
        "a+b",
        "a%2Fb",
        "a?b=c",
        "a#b",
        "..",
        ".",
        "Zo\u00eb",
        "\u0905\u0936\u093e",
        "_doc",
        "*",
    ],
)
def test_every_id_means_itself(
    certificates: SearchClusterDocuments, there: SearchDocuments, index: str, document_id: str
) -> None:
    there.give(index, document_id, {})
    there.give(index, "other", {})
    certificates.delete(index, document_id)
    assert there.of(index) == {"other": {}}


def test_an_index_that_is_not_there_is_no_error_and_not_made(
    certificates: SearchClusterDocuments, there: SearchDocuments, index: str
) -> None:
    certificates.delete(index, "1-a")
    assert not there.has(index)


def test_a_refusal_is_a_failed_call_with_its_status(
    certificates: SearchClusterDocuments, there: SearchDocuments, index: str
) -> None:
    there.give(index, "1-a", {})
    there.close_for_writes(index)
    with pytest.raises(CallFailed) as failed:
        certificates.delete(index, "1-a")
    assert (failed.value.status, failed.value.is_outage) == (403, False)
    assert there.of(index) == {"1-a": {}}


def test_a_cluster_that_is_down_is_an_outage_in_which_nothing_was_done() -> None:
    nobody = client(f"{NOBODY},{NOBODY}")
    with pytest.raises(CallFailed, match="search cluster") as failed:
        nobody.delete("certs", "1-a")
    nobody.close()
    assert (failed.value.status, failed.value.is_outage, failed.value.certain) == (None, True, True)


def test_a_host_that_is_down_is_left_out(search_cluster: str, there: SearchDocuments, index: str) -> None:
    there.give(index, "1-a", {})
    certificates = client(f"{NOBODY},{search_cluster}")
    certificates.delete(index, "1-a")
    certificates.close()
    assert there.of(index) == {}
