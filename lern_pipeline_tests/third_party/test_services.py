"""The services answer the product's own clients as the contracts say; and all of them run as a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lern_pipeline.microbatch.service_readers import ContentAnswer, StatusFound, StatusUnknown
from lern_pipeline.resources.content_service import ContentService
from lern_pipeline.resources.search_service import SearchService
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.all_services import all_services

pytestmark = pytest.mark.rules

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[ThirdParty]:
    with ThirdParty(all_services()) as running:
        yield running


def settings(server: ThirdParty, job: str) -> JobSettings:
    given = {
        "LERN_PIPELINE_SERVICE_SEARCH_BASEPATH": f"{server.address}/search",
        "LERN_PIPELINE_JOBS_ASSESSMENT_AGGREGATOR__CONTENT_READ_API": f"{server.address}/api/content/v1/read/",
    }
    return load_configuration(None, given).for_job(job)


def test_search_knows_the_status_of_its_collections(server: ThirdParty) -> None:
    collection = {"objectType": "Collection"}
    server.services["search"].add({
        "do_live": {**collection, "status": "Live", "name": "Numbers"},
        "do_draft": {**collection, "status": "Draft"},
        "do_content": {"objectType": "Content", "status": "Live"},
    })  # fmt: skip
    client = SearchService(settings(server, "activity-aggregate-updater"), Counter())
    unknown = StatusUnknown("search service knows no such collection")
    assert client.collection_statuses(["do_live", "do_draft", "do_content", "do_none"]) == {
        "do_live": StatusFound("Live"),
        "do_draft": unknown,
        "do_content": unknown,
        "do_none": unknown,
    }


def test_content_is_read_by_any_id(server: ThirdParty) -> None:
    server.services["content"].add({"do_1": {"totalQuestions": 3}, "a/b ?": {}})
    client = ContentService(settings(server, "assessment-aggregator"), Counter())
    assert client.read_contents(["do_1", "a/b ?", "do_none"]) == {
        "do_1": ContentAnswer(True, "OK", 3),
        "a/b ?": ContentAnswer(True, "OK", None),
        "do_none": ContentAnswer(False, "RESOURCE_NOT_FOUND", None),
    }


def test_all_services_run_as_a_process_with_nothing_but_the_standard_library() -> None:
    # -S: without site-packages, -I would leave out the project too.
    command = [sys.executable, "-S", "-m", "lern_pipeline_tests.third_party"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{address}/_state", timeout=10) as answer:
            assert {"search", "content"} <= json.load(answer).keys()
        process.terminate()
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.stdout.close()
