"""The demo's third-party services: a process of their own, to which every address leads."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lern_pipeline.local.demo.third_party import ADDRESSES, ThirdPartyFailed, ThirdPartyServices
from lern_pipeline.microbatch.service_readers import ContentAnswer, StatusFound
from lern_pipeline.resources.content_service import ContentService
from lern_pipeline.resources.search_service import SearchService
from lern_pipeline.settings import load_configuration
from lern_pipeline.settings.catalogue import owners, spellings, variables

pytestmark = pytest.mark.rules


@pytest.fixture
def services(tmp_path: Path) -> Iterator[ThirdPartyServices]:
    services = ThirdPartyServices(os.environ, tmp_path / "logs" / "third-party.log")
    yield services
    services.stop()


def test_the_pipelines_clients_find_there_what_the_demo_has_put_there(
    services: ThirdPartyServices, tmp_path: Path
) -> None:
    services.add("search", {"do_1": {"objectType": "Collection", "status": "Live"}})
    services.add("content", {"do_2": {"totalQuestions": 3}})
    # Real services that somebody's configuration names, also for one job, are not asked.
    file = tmp_path / "lern.yaml"
    file.write_text("service.search.basePath: http://127.0.0.1:9\n")
    configuration = load_configuration(str(file), services.environment)
    search = SearchService(configuration.for_job("enrolment-reconciliation"), Counter())
    content = ContentService(configuration.for_job("assessment-aggregator"), Counter())
    assert search.collection_statuses(["do_1"]) == {"do_1": StatusFound("Live")}
    assert content.read_contents(["do_2"]) == {"do_2": ContentAnswer(True, "OK", 3)}
    assert [request["path"] for request in services.requests("do_2")] == ["/content/v1/read/do_2"]


@pytest.mark.parametrize(
    ("setting", "job"),
    [(name, job) for name in ADDRESSES for job in owners(name) if not variables(job)[spellings(job)[name]].not_needed],
)
def test_a_jobs_own_address_gives_way_too(services: ThirdPartyServices, tmp_path: Path, setting: str, job: str) -> None:
    file = tmp_path / "lern.yaml"
    file.write_text(f"jobs:\n  {job}:\n    {setting}: http://real/\n")
    settings = load_configuration(str(file), services.environment).for_job(job)
    assert settings.text(setting) == services.address + ADDRESSES[setting]


def test_a_server_that_is_gone_is_said_in_one_line(services: ThirdPartyServices) -> None:
    services.stop()
    services.stop()
    with pytest.raises(ThirdPartyFailed, match="third-party services at http"):
        services.add("search", {})
