"""The benchmarks that go through drain, small: every event is processed, and figures come out."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from lern_pipeline_tests.command import COMMAND
from lern_pipeline_tests.conftest import RunningStack

pytestmark = pytest.mark.stack

EVENTS = 40


@pytest.mark.parametrize(("name", "rows"), [("progress", 3), ("assessments", 2), ("reconciliation", 2)])
def test_figures_of_a_small_run(local_stack: RunningStack, tmp_path: Path, name: str, rows: int) -> None:
    """``rows``: at least so many are written for each event."""
    config = tmp_path / "config.yaml"
    config.write_text("\n".join(local_stack.configuration_lines()))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
    ended = subprocess.run(
        [str(COMMAND), "benchmark", name, "--events", str(EVENTS), "--runs", "1", "--json"],
        env=inherited | {"LERN_PIPELINE_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    figures = json.loads(ended.stdout)
    assert (figures["benchmark"], figures["events"], figures["batches"]) == (name, EVENTS, 1)
    assert figures["events_per_second"] > 0
    assert figures["rows_written_per_event"] >= rows
    assert figures["messages_per_event"] > 0
    assert figures["ratio_to_grouped"] > 0
    assert figures["limit_single_events_per_second"] > 0
    parts = [figures[f"cpu_seconds_{of}"] for of in ("of_the_process", "per_run", "per_1000_events")]
    assert all(part > 0 for part in parts)
    # Of the figures' four decimals.
    whole = parts[0] + parts[1] + parts[2] * EVENTS / 1000
    assert whole == pytest.approx(figures["own_cpu_seconds_per_1000"] * EVENTS / 1000, abs=0.001)


def test_certificates_some_at_a_time_and_one_at_a_time(local_stack: RunningStack, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("\n".join(local_stack.configuration_lines()))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
    ended = subprocess.run(
        [str(COMMAND), "benchmark", "certificates", "--events", "20", "--latency-ms", "20", "--runs", "1", "--json"],
        env=inherited | {"LERN_PIPELINE_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    figures = json.loads(ended.stdout)
    assert (figures["benchmark"], figures["events"], figures["concurrency"]) == ("certificates", 20, 20)
    assert figures["certificates_per_second"] > 0
    assert figures["ratio"] > 0
