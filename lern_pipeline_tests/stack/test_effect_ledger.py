"""The ledger of effects on a real Cassandra: one claim wins, outcomes stay, the operator's decisions hold."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.microbatch.effects import LedgerEntry, Outcome
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.effect_ledger import CassandraEffectLedger
from lern_pipeline_tests.stack.servers import Servers

pytestmark = pytest.mark.stack

JOB = "notification-job"
BATCH = "20270101T000000Z_0.0-10"
LATER_BATCH = "20270102T000000Z_0.10-20"
THEN = 1_800_000_000_000


@pytest.fixture(scope="module")
def ledger(servers: Servers) -> Iterator[CassandraEffectLedger]:
    settings = servers.settings()
    cassandra = Cassandra(settings)
    yield CassandraEffectLedger(settings, cassandra)
    cassandra.close()


@pytest.fixture
def effect() -> Effect:
    return Effect(f"mail|{uuid.uuid4().hex}", "mail", {"to": "ada@lern.test"}, what="a mail", to_whom="a…@lern.test")


def entry(ledger: CassandraEffectLedger, effect: Effect) -> LedgerEntry | None:
    return ledger.entries(JOB, [effect.key]).get(effect.key)


def test_of_many_claims_at_once_one_wins(ledger: CassandraEffectLedger, effect: Effect) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: ledger.claim(JOB, effect, BATCH, THEN), range(8)))
    assert won.count(True) == 1
    assert entry(ledger, effect) == LedgerEntry(THEN, BATCH)


def test_an_outcome_is_found_again(ledger: CassandraEffectLedger, effect: Effect) -> None:
    ledger.claim(JOB, effect, BATCH, THEN)
    outcome = Outcome("done", {"osid": "1-ab", "at": 5})
    ledger.record_all(JOB, {effect.key: outcome})
    assert entry(ledger, effect) == LedgerEntry(THEN, BATCH, outcome)
    assert not ledger.claim(JOB, effect, BATCH, THEN)


def test_a_claim_that_is_given_back_can_be_made_again(ledger: CassandraEffectLedger, effect: Effect) -> None:
    ledger.claim(JOB, effect, BATCH, THEN)
    ledger.give_back(JOB, effect.key)
    assert entry(ledger, effect) is None
    assert ledger.claim(JOB, effect, BATCH, THEN + 1)
    assert entry(ledger, effect) == LedgerEntry(THEN + 1, BATCH)


def unknown(ledger: CassandraEffectLedger, effect: Effect) -> None:
    ledger.claim(JOB, effect, BATCH, THEN)
    ledger.list_unfinished(JOB, effect, BATCH, THEN)
    ledger.record_all(JOB, {effect.key: Outcome("unknown")})


def listed(ledger: CassandraEffectLedger, effect: Effect) -> bool:
    return any(line.key == effect.key for line in ledger.unfinished(JOB))


def test_an_operator_sees_what_is_unknown_without_the_address(ledger: CassandraEffectLedger, effect: Effect) -> None:
    unknown(ledger, effect)
    (line,) = [line for line in ledger.unfinished(JOB) if line.key == effect.key]
    assert (line.what, line.to_whom, line.batch, line.since_ms) == ("a mail", "a…@lern.test", BATCH, THEN)


def test_what_an_operator_releases_is_claimed_by_one_run(ledger: CassandraEffectLedger, effect: Effect) -> None:
    unknown(ledger, effect)
    assert ledger.settle(JOB, effect.key, send=True)
    assert not listed(ledger, effect)
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda _: ledger.claim(JOB, effect, LATER_BATCH, THEN), range(4)))
    assert won.count(True) == 1
    found = entry(ledger, effect)
    assert found is not None
    assert (found.batch, found.released) == (LATER_BATCH, False)


def test_what_an_operator_drops_is_dropped(ledger: CassandraEffectLedger, effect: Effect) -> None:
    unknown(ledger, effect)
    assert ledger.settle(JOB, effect.key, send=False)
    found = entry(ledger, effect)
    assert found is not None
    assert found.outcome is not None
    assert found.outcome.status == "dropped"
    assert not listed(ledger, effect)
    assert not ledger.settle(JOB, effect.key, send=True)
    assert not ledger.claim(JOB, effect, BATCH, THEN)


def test_what_is_finished_or_was_never_begun_cannot_be_settled(ledger: CassandraEffectLedger, effect: Effect) -> None:
    assert not ledger.settle(JOB, effect.key, send=True)
    ledger.claim(JOB, effect, BATCH, THEN)
    ledger.record_all(JOB, {effect.key: Outcome("done")})
    assert not ledger.settle(JOB, effect.key, send=True)
    assert not ledger.claim(JOB, effect, BATCH, THEN)


def test_the_tables_are_made_in_a_keyspace_that_is_missing(servers: Servers) -> None:
    settings = servers.settings(changed={"ledger.keyspace": f"ledger_{uuid.uuid4().hex[:8]}"})
    cassandra = Cassandra(settings)
    try:
        assert CassandraEffectLedger(settings, cassandra).unfinished(JOB) == []
    finally:
        cassandra.session().execute(f"DROP KEYSPACE {settings.text('ledger.keyspace')}")
        cassandra.close()


@pytest.mark.parametrize("job", [job.name for job in ALL_JOBS if job.performers])
def test_any_job_with_effects_may_be_the_first_of_an_installation(job: str, servers: Servers, effect: Effect) -> None:
    keyspace = f"first_{uuid.uuid4().hex[:8]}"
    settings = servers.settings(job, {"ledger.keyspace": keyspace})
    cassandra = Cassandra(settings)
    try:
        assert CassandraEffectLedger(settings, cassandra).claim(job, effect, BATCH, THEN)
    finally:
        cassandra.session().execute(f"DROP KEYSPACE IF EXISTS {keyspace}")
        cassandra.close()


def test_what_is_owed_is_shown_until_it_is_struck_off(ledger: CassandraEffectLedger, effect: Effect) -> None:
    ledger.claim(JOB, effect, BATCH, THEN)
    ledger.list_unfinished(JOB, effect, BATCH, THEN)
    ledger.record_all(JOB, {effect.key: Outcome("owed", reason="answered 500")})
    found = entry(ledger, effect)
    assert found is not None and found.is_unfinished and found.outcome is not None and found.outcome.is_open
    ledger.record_all(JOB, {effect.key: Outcome("done")})
    ledger.strike_off(JOB, effect.key)
    assert not listed(ledger, effect)
    assert not ledger.settle(JOB, effect.key, send=True)


def test_an_operator_releases_or_drops_what_is_owed(ledger: CassandraEffectLedger, effect: Effect) -> None:
    ledger.claim(JOB, effect, BATCH, THEN)
    ledger.list_unfinished(JOB, effect, BATCH, THEN)
    ledger.record_all(JOB, {effect.key: Outcome("owed")})
    assert ledger.settle(JOB, effect.key, send=True)
    assert not listed(ledger, effect)
    assert ledger.claim(JOB, effect, LATER_BATCH, THEN)
