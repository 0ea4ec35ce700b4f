"""What the command line says when it is called wrongly, and where: one line on stderr, exit code 2, no trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from lern_pipeline.cli import main, parser

pytestmark = pytest.mark.rules

AAU = "activity-aggregate-updater"
COMMANDS = ("up", "down", "status", "drain", "rerun", "rewind", "config")


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration but what a test sets, and servers that nobody runs."""
    for name in list(os.environ):
        if name.startswith("LERN_PIPELINE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("LERN_PIPELINE_LOCAL", str(tmp_path / "local"))


def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> Path:
    file = tmp_path / "lern.yaml"
    file.write_text(text)
    monkeypatch.setenv("LERN_PIPELINE_CONFIG", str(file))
    return file


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a call that cannot be carried out."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


@pytest.mark.parametrize("command", ["config", "drain", "up", "status", "down"])
def test_a_wrong_setting_is_one_line_that_names_it(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = configure(monkeypatch, tmp_path, "redis.port: many\n")
    line = refused(capsys, command)
    assert line == f"lern-pipeline: redis.port ({file}): expected a whole number, found 'many'"


@pytest.mark.parametrize("command", ["config", "drain"])
def test_a_configuration_file_that_is_not_there_is_named(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LERN_PIPELINE_CONFIG", str(tmp_path / "nowhere.yaml"))
    assert "nowhere.yaml" in refused(capsys, command)


@pytest.mark.parametrize(
    "arguments",
    [
        ("config", "--job", "activity-agregate-updater"),
        ("drain", "--job", "activity-agregate-updater"),
        ("rerun", "activity-agregate-updater", "20261122T034510Z_0.1-2"),
        ("rewind", "activity-agregate-updater", "--to", "latest"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_unknown_job_is_refused_with_the_jobs_there_are(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, *arguments)
    assert "activity-agregate-updater" in line
    assert AAU in line


@pytest.mark.parametrize("key", ["today", "20261122T034510Z", "0.1-2", "20261122T034510Z_0.9-2"])
def test_a_bad_partition_key_is_refused_before_anything_is_touched(
    key: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    line = refused(capsys, "rerun", AAU, key)
    assert f"{key!r} is not a micro-batch key" in line
    assert not (tmp_path / "dagster").exists()


def test_a_key_that_the_job_does_not_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "rerun", AAU, "20261122T034510Z_0.1-2")
    assert line == f"lern-pipeline: {AAU} has no micro-batch 20261122T034510Z_0.1-2"


@pytest.mark.parametrize(
    "arguments",
    [(), ("frobnicate",), ("rerun",), ("rerun", AAU), ("rewind", AAU), ("drain", "--jobs", "x"), ("config", "x")],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_2_and_the_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: lern-pipeline" in capsys.readouterr().err


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n    {command} " in text
    assert "Exit codes" in text
    assert "LERN_PIPELINE_CONFIG" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: lern-pipeline {command}" in capsys.readouterr().out


def test_help_and_config_do_not_wait_for_dagster_or_any_client() -> None:
    program = (
        "import sys\n"
        "from lern_pipeline.cli import main\n"
        "main(['config', '--json'])\n"
        "print(sorted({'dagster', 'kafka', 'cassandra'} & sys.modules.keys()), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"
    assert json.loads(ended.stdout)


def test_status_of_a_stack_that_is_down_says_so_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configure(
        monkeypatch,
        tmp_path,
        "kafka.broker-servers: localhost:1\nlms-cassandra.port: 1\nredis.port: 1\n",
    )
    assert main(["status", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {"kafka", "cassandra", "redis"} <= found.keys()
    assert not any(state["up"] for state in found.values())


def test_every_command_is_there_to_be_carried_out() -> None:
    """A command's function is named as text and only looked up when it is called."""
    for action in parser()._subparsers._group_actions:  # type: ignore[union-attr]
        for name, command in action.choices.items():  # type: ignore[union-attr]
            function = command.get_default("function")
            if function is not None:
                module, _, attribute = function.partition(":")
                assert callable(getattr(import_module(f"lern_pipeline.commands.{module}"), attribute)), name
