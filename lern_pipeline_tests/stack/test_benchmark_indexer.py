"""The benchmark of user-cache-indexer, small; and that it leaves an installation alone that people use."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline_tests.command import COMMAND
from lern_pipeline_tests.conftest import RunningStack
from lern_pipeline_tests.stack.servers import Servers

pytestmark = pytest.mark.stack

TABLES = ("user", "user_organisation", "organisation", "location", "system_settings")


@pytest.fixture
def session(servers: Servers) -> Iterator[Any]:
    """Cassandra without users, before and after."""
    cassandra = Cassandra(servers.settings())
    for table in TABLES:
        cassandra.session().execute(f"TRUNCATE sunbird.{table}", timeout=120)
    yield cassandra.session()
    for table in TABLES:
        cassandra.session().execute(f"TRUNCATE sunbird.{table}", timeout=120)
    cassandra.close()


def benchmark(local_stack: RunningStack, directory: Path, users: int) -> Any:
    config = directory / "config.yaml"
    own = ["jobs: {user-cache-indexer: {redis.user.database.index: 13, user.index.buckets: 8}}"]
    config.write_text("\n".join([*local_stack.configuration_lines(), *own]))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
    return subprocess.run(
        [str(COMMAND), "benchmark", "indexer", "--users", str(users), "--json"],
        env=inherited | {"LERN_PIPELINE_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_figures_of_a_small_run(local_stack: RunningStack, session: Any, servers: Servers, tmp_path: Path) -> None:
    ended = benchmark(local_stack, tmp_path, 1200)
    assert ended.returncode == 0, ended.stderr[-2000:]
    figures = json.loads(ended.stdout)
    assert (figures["benchmark"], figures["users"], figures["runs"]) == ("indexer", 1200, 1)
    assert figures["ratio_to_limit"] > 0
    assert figures["ratio_to_limit_unchanged"] > 0
    assert figures["peak_mib"] > 0
    assert figures["cpu_seconds"] > 0 and figures["limit_cpu_seconds"] > 0
    assert figures["limit_servers_cpu_seconds"].keys() == {"cassandra", "redis"}
    with servers.redis(13) as client:
        assert client.dbsize() == 1200
        client.flushdb()


@pytest.mark.parametrize("row", ["user", "custodian"])
def test_an_installation_with_users_is_left_alone(
    local_stack: RunningStack, session: Any, tmp_path: Path, row: str
) -> None:
    if row == "user":
        session.execute("INSERT INTO sunbird.user (id, userid) VALUES ('u', 'u')")
    else:
        session.execute("INSERT INTO sunbird.system_settings (id, field, value) VALUES ('custodianOrgId', 'c', 'o')")
    ended = benchmark(local_stack, tmp_path, 10)
    assert ended.returncode == 2
    assert "benchmark of user-cache-indexer" in ended.stderr
    assert len(list(session.execute("SELECT id FROM sunbird.user"))) == (row == "user")
