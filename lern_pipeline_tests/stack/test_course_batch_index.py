"""Search documents of course batches on a real search cluster: what changes, what is told, what is an error."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.resources import course_batch_index
from lern_pipeline.resources.course_batch_index import CourseBatchDocuments
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.search_documents import SearchDocuments
from lern_pipeline_tests.third_party.answers import Answer
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.stack

NOBODY = "127.0.0.1:1"
DONE = {"items": [{"update": {"_id": "B1", "status": 200, "result": "updated"}}]}


def client(hosts: str) -> CourseBatchDocuments:
    given = {"LERN_PIPELINE_ES_BASEPATH": hosts, "LERN_PIPELINE_HTTP_ATTEMPTS": "2"}
    return CourseBatchDocuments(load_configuration(None, given).for_job("user-ownership-transfer"))


@pytest.fixture
def there(search_cluster: str) -> Iterator[SearchDocuments]:
    documents = SearchDocuments(search_cluster)
    yield documents
    documents.close()


@pytest.fixture
def index(there: SearchDocuments, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An index of the test's own in the place of the one that all share; it is not there yet."""
    name = f"course-batch-{uuid4().hex[:8]}"
    monkeypatch.setattr(course_batch_index, "INDEX", name)
    yield name
    there.drop(name)


@pytest.fixture
def batches(search_cluster: str) -> Iterator[CourseBatchDocuments]:
    made = client(search_cluster)
    yield made
    made.close()


def test_only_the_given_members_change_and_lists_are_replaced(
    batches: CourseBatchDocuments, there: SearchDocuments, index: str
) -> None:
    document = {"createdBy": "a", "mentors": ["m", "a", "a"], "name": "a", "cert_templates": {"t": {"name": "a"}}}
    there.give(index, "B1", document)
    there.give(index, "B2", document)
    assert batches.update({"B1": {"createdBy": "b", "mentors": ["m", "b"]}}) == set()
    assert there.of(index) == {"B1": document | {"createdBy": "b", "mentors": ["m", "b"]}, "B2": document}


def test_the_next_search_finds_it_although_the_index_never_refreshes_by_itself(
    batches: CourseBatchDocuments, there: SearchDocuments, index: str, search_cluster: str
) -> None:
    there.give(index, "B1", {"createdBy": "a"})
    there.refreshes_only_when_asked(index)
    batches.update({"B1": {"createdBy": "b"}})
    url = f"http://{search_cluster}/{index}/_count"
    found = [httpx2.get(url, params={"q": f"createdBy:{user}"}).json()["count"] for user in ("a", "b")]
    assert found == [0, 1]


def test_documents_that_are_not_there_are_told_of_and_not_made(
    batches: CourseBatchDocuments, there: SearchDocuments, index: str
) -> None:
    there.give(index, "B1", {"createdBy": "a"})
    assert batches.update({"B0": {"createdBy": "b"}, "B1": {"createdBy": "b"}, "B2": {"createdBy": "b"}}) == {
        "B0",
        "B2",
    }
    assert there.of(index) == {"B1": {"createdBy": "b"}}


def test_what_changes_nothing_is_not_counted(batches: CourseBatchDocuments, there: SearchDocuments, index: str) -> None:
    there.give(index, "B1", {"createdBy": "a", "mentors": ["m"]})
    there.give(index, "B2", {"createdBy": "a"})
    for _ in range(2):
        batches.update({"B1": {"createdBy": "b", "mentors": ["m"]}, "B2": {"createdBy": "a"}})
    assert batches.counts[f"search.{index}.updated"] == 1


def test_many_go_in_several_requests(
    batches: CourseBatchDocuments, there: SearchDocuments, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course_batch_index, "TOGETHER", 3)
    for number in range(7):
        there.give(index, f"B{number}", {"createdBy": "a"})
    assert batches.update({f"B{number}": {"createdBy": "b"} for number in range(8)}) == {"B7"}
    assert there.of(index) == {f"B{number}": {"createdBy": "b"} for number in range(7)}
    # Between a look at the index and its refresh.
    assert batches.counts["http.requests"] == 1 + 3 + 1


@pytest.mark.parametrize("batch_id", ["a/b", "..", "a b", "_bulk", "\u0905\u0936", '"quoted"\\'])
def test_every_id_means_itself(
    batches: CourseBatchDocuments, there: SearchDocuments, index: str, batch_id: str
) -> None:
    there.give(index, "other", {"createdBy": "a"})
    assert batches.update({batch_id: {"createdBy": "b"}}) == {batch_id}
    there.give(index, batch_id, {"createdBy": "a"})
    assert batches.update({batch_id: {"createdBy": "b"}}) == set()
    assert there.of(index) == {"other": {"createdBy": "a"}, batch_id: {"createdBy": "b"}}


def test_an_index_that_is_not_there_is_an_error_and_not_made(
    batches: CourseBatchDocuments, there: SearchDocuments, index: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"no index {index}: check es.basePath"):
        batches.update({"B1": {"createdBy": "b"}})
    assert not there.has(index)


def test_nothing_to_do_asks_nobody() -> None:
    nobody = client(NOBODY)
    assert nobody.update({}) == set()
    nobody.close()


def test_a_refusal_fails_and_names_its_kind_only(
    batches: CourseBatchDocuments, there: SearchDocuments, index: str
) -> None:
    there.give(index, "B1", {"createdBy": "a"})
    there.close_for_writes(index)
    with pytest.raises(ServiceUnavailable, match=r"refused to update a document: cluster_block_exception$") as failed:
        batches.update({"B1": {"createdBy": "b"}})
    assert failed.value.status == 403
    assert there.of(index) == {"B1": {"createdBy": "a"}}


def test_a_document_that_cannot_take_it_fails(
    batches: CourseBatchDocuments, there: SearchDocuments, index: str
) -> None:
    there.give(index, "B1", {"createdBy": {"id": "a"}})
    with pytest.raises(ServiceUnavailable, match="refused to update a document: "):
        batches.update({"B1": {"createdBy": "b"}})


def test_a_cluster_that_is_down_is_an_outage() -> None:
    nobody = client(f"{NOBODY},{NOBODY}")
    with pytest.raises(ServiceUnavailable, match=r"search cluster at http://127\.0\.0\.1:1"):
        nobody.update({"B1": {"createdBy": "b"}})
    nobody.close()


def test_a_host_that_is_down_is_left_out(search_cluster: str, there: SearchDocuments, index: str) -> None:
    there.give(index, "B1", {"createdBy": "a"})
    made = client(f"{NOBODY},{search_cluster}")
    assert made.update({"B1": {"createdBy": "b"}}) == set()
    made.close()
    assert there.of(index) == {"B1": {"createdBy": "b"}}


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([{}, Answer({}, 503)], "answered 503"),
        ([{}, Answer({}, 400)], "answered 400"),
        ([{}, DONE, Answer({}, 500)], "answered 500"),
        ([Answer({}, 301)], "answered 301"),
        ([{}, "<html>"], "cannot be used"),
        ([{}, {"items": []}], "without some of the documents"),
    ],
)
def test_other_answers_are_an_outage(third_party: ThirdParty, answers: list[object], reason: str) -> None:
    third_party.answer("course-batch", *answers)
    made = client(third_party.host_and_port)
    with pytest.raises(ServiceUnavailable, match=reason):
        made.update({"B1": {"createdBy": "b"}})
    made.close()


def test_a_cluster_that_is_busy_for_a_moment_is_asked_again(third_party: ThirdParty) -> None:
    third_party.answer("course-batch", {}, Answer({}, 429), DONE, {})
    made = client(third_party.host_and_port)
    assert made.update({"B1": {"createdBy": "b"}}) == set()
    made.close()
    assert [request.method for request in third_party.requests] == ["HEAD", "POST", "POST", "POST"]
