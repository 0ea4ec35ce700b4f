"""The pages that an operator opens, in a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from lern_pipeline.commands.home import shipped_dagster_yaml
from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.local.addresses import free_port
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.orchestration import names
from lern_pipeline_tests.browser.chromium import Chromium, find_chromium

CHROMIUM = find_chromium()

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)"),
]

START_SECONDS = 120
PAGE_SECONDS = 60
KEY = MicroBatchKey.of(datetime(2026, 11, 22, 3, 45, 10, tzinfo=UTC), [OffsetRange(0, 1200, 1700)])
SIGNS_OF_FAILURE = ("GraphQL error", "An error occurred", "PythonError", "Something went wrong", "not found")


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The UI of a fresh instance where every job has one finished micro-batch. It needs none of the other servers."""
    home = tmp_path_factory.mktemp("home")
    shutil.copyfile(shipped_dagster_yaml(), home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for job in ALL_JOBS:
            instance.add_dynamic_partitions(names.partitions_name(job), [str(KEY)])
            instance.report_runless_asset_event(
                dg.AssetMaterialization(names.asset_key(job), partition=str(KEY), metadata={"events": 500})
            )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
    port = free_port()
    log = home / "webserver.log"
    command = [sys.executable, "-m", "dagster_webserver", "-m", "lern_pipeline.definitions", "-p", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=inherited | {"DAGSTER_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the webserver did not come up: {log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    assert CHROMIUM is not None
    with Chromium(CHROMIUM, tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        # So many that they are drawn by group.
        pytest.param("/asset-groups", ALL_JOBS[0].group, id="lineage"),
        pytest.param("/automation", names.sensor_name(ALL_JOBS[0]), id="sensors"),
        pytest.param(
            f"/assets/{ALL_JOBS[0].asset_name}?view=partitions", KEY.planned_at.strftime("%Y%m%dT"), id="micro-batches"
        ),
        pytest.param(f"/assets/{ALL_JOBS[0].asset_name}?view=checks", names.EVENTS_ACCOUNTED_FOR, id="checks"),
        *(pytest.param(f"/assets/{job.asset_name}", job.description[:40], id=job.name) for job in ALL_JOBS),
    ],
)
def test_page_shows_what_it_is_for(path: str, wanted: str, webserver: str, browser: Chromium) -> None:
    browser.visit(f"{webserver}{path}")
    text = browser.text_once(wanted, PAGE_SECONDS)
    assert wanted in text, f"{path} shows: {text[:1000]}"
    assert not [sign for sign in SIGNS_OF_FAILURE if sign in text], text[:1000]
    assert not browser.errors
