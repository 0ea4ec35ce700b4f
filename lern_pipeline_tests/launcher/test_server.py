"""The fork server on its own, loaded with the pipeline's real definitions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dagster import DagsterInstance
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import RepositoryPythonOrigin
from dagster._serdes import serialize_value

from lern_pipeline.launcher.server_handle import ForkServerFailed, ServerEnded, ServerHandle
from lern_pipeline.launcher.sources import signature, watched_paths
from lern_pipeline_tests.launcher.code_location import eventually
from lern_pipeline_tests.launcher.running import command_of

pytestmark = pytest.mark.dagster


def origin(module: str, directory: str | None = None) -> str:
    return serialize_value(RepositoryPythonOrigin(sys.executable, ModuleCodePointer(module, "defs", directory)))


@pytest.fixture(scope="module")
def instance_ref(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("home"))) as instance:
        yield serialize_value(instance.get_ref())


@pytest.fixture(scope="module")
def server(instance_ref: str) -> Iterator[ServerHandle]:
    handle = ServerHandle(origin("lern_pipeline.definitions"), instance_ref)
    yield handle
    handle.close()
    eventually("the server ends", lambda: not handle.is_alive and not psutil.pid_exists(handle.pid))


def test_the_preload_starts_no_thread_and_connects_to_nothing(server: ServerHandle) -> None:
    process = psutil.Process(server.pid)
    assert process.num_threads() == 1
    assert process.net_connections() == []
    libraries = {Path(mapped.path).name for mapped in process.memory_maps()}
    assert not [name for name in libraries if "cygrpc" in name], "gRPC cannot be forked safely"


def test_a_worker_that_is_not_told_to_start_ends(server: ServerHandle) -> None:
    waiting = server.fork("never read")
    assert "fork_server" in command_of(psutil.Process(waiting.pid))
    waiting.give_up()
    eventually("the worker is reaped", lambda: not psutil.pid_exists(waiting.pid), 5)


def test_a_worker_whose_owner_vanishes_does_not_start(instance_ref: str, tmp_path: Path) -> None:
    (tmp_path / "empty_location.py").write_text("import dagster as dg\ndefs = dg.Definitions()\n")
    handle = ServerHandle(origin("empty_location", str(tmp_path)), instance_ref)
    waiting = handle.fork("never read")
    handle.close()
    os.close(waiting.go)
    eventually("worker and server end", lambda: not psutil.pid_exists(waiting.pid), 5)
    with pytest.raises(ServerEnded):
        handle.fork("too late")


def test_code_that_cannot_be_imported_is_reported(instance_ref: str, tmp_path: Path) -> None:
    (tmp_path / "broken_location.py").write_text("raise ValueError('half-edited file')\n")
    with pytest.raises(ForkServerFailed, match="half-edited file"):
        ServerHandle(origin("broken_location", str(tmp_path)), instance_ref)


def test_changes_to_code_and_configuration_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_package"
    (package / "inner").mkdir(parents=True)
    module, configuration = package / "inner" / "module.py", tmp_path / "pipeline.yaml"
    module.write_text("one")
    configuration.write_text("env: one")
    monkeypatch.setenv("LERN_PIPELINE_CONFIG", str(configuration))
    paths = watched_paths("some_package.inner", str(tmp_path), [])
    seen = [signature(paths)]
    for change in (
        lambda: module.write_text("three"),
        lambda: configuration.write_text("env: three"),
        lambda: (package / "new.py").write_text(""),
        lambda: (package / "new.py").unlink(),
    ):
        change()
        seen.append(signature(paths))
    assert len(set(seen[:4])) == 4
    assert seen[4] == seen[2]
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "module.pyc").write_text("")
    assert signature(paths) == seen[4]


def test_the_pipelines_own_package_is_watched() -> None:
    watched = {Path(name).name for name, _, _ in signature(watched_paths("lern_pipeline.definitions", None, []))}
    assert {"definitions.py", "lane_sensor.py", "run_launcher.py"} <= watched
