"""Killed while mails are on their way: each goes out exactly once, or the operator is shown that nobody knows."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline_tests.faults.job_world import connected
from lern_pipeline_tests.faults.notification_world import DOMAIN, TEXT, NotificationWorld
from lern_pipeline_tests.third_party.mail_server import MailServer

pytestmark = pytest.mark.faults

MAILS = 30
KILLS = int(os.environ.get("LERN_PIPELINE_TEST_MAIL_KILLS", "3"))

Office = Callable[[int, int], NotificationWorld]


@pytest.fixture
def office(local_stack: Any, tmp_path: Path) -> Iterator[Office]:
    """A world with so many mails, in batches of at most so many, and the server that they go to."""
    with MailServer() as mail:
        yield lambda events, batch_size: NotificationWorld(
            local_stack.addresses, tmp_path / "office", events, batch_size, mail
        )


@pytest.mark.parametrize(
    ("point", "unknown"),
    [
        ("after-plan", 0),
        ("after-claim#7", None),
        ("after-effect#7", None),
        # Others were on their way at that moment.
        ("after-outcome#7", None),
        ("between-stages", 0),
        ("after-conclusion", 0),
        ("before-publish", 0),
        ("after-publish", 0),
        ("after-settled", 0),
    ],
)
def test_a_batch_of_mails_killed_there(point: str, unknown: int | None, office: Office) -> None:
    world = office(MAILS, 1000)
    world.publish(0, MAILS)
    assert world.drain(crash_at=point).wait().exit_code == -signal.SIGKILL, "the crash point was not reached"
    batches = world.drained()
    world.assert_each_once(world.events)
    listed = len(world.unfinished())
    # The one that was killed, and those of the other threads: half as many again as calls.
    assert (1 if point.startswith(("after-claim", "after-effect")) else 0) <= listed <= (6 if unknown is None else 0)
    assert all(batch["status"] == "materialised" for batch in batches)
    assert_nothing_personal(world)


def test_killed_at_random_moments(office: Office) -> None:
    seed = int(os.environ.get("LERN_PIPELINE_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}")
    moments = random.Random(seed)
    world = office(KILLS * MAILS, 20)
    for kill in range(KILLS):
        world.publish(kill * MAILS, (kill + 1) * MAILS)
        process = world.drain()
        time.sleep(moments.uniform(0.5, 3.0))
        process.kill()
        process.wait()
        world.drained()
    world.assert_each_once(world.events)
    for line in world.unfinished():
        assert line.what.startswith("mail NS.")
        assert line.to_whom == "1 address: r…@…"


def assert_nothing_personal(world: NotificationWorld) -> None:
    """Neither in what the command said, nor in what Dagster keeps, nor in the ledger."""
    texts = {}
    for file in world.directory.rglob("*"):
        if not file.is_file() or "lern_pipeline/batches" in str(file):
            continue
        if file.suffix == ".db":
            connection = sqlite3.connect(file)
            texts[str(file)] = "\n".join(connection.iterdump())
            connection.close()
        else:
            texts[str(file)] = file.read_text(errors="replace")
    with connected(world._addresses) as session:
        for table in ("effects", "unfinished_effects"):
            rows = session.execute(f"SELECT * FROM {world.settings.text('ledger.keyspace')}.{table}")
            texts[table] = repr([row for row in rows if world.token in repr(row)])
    assert world.token in texts["effects"]
    for secret in (DOMAIN, TEXT, "Reader "):
        assert [name for name, text in texts.items() if secret in text] == []
