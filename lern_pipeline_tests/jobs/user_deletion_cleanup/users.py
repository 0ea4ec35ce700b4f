"""Users on stores in memory, deleted by the job's own engine run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lern_pipeline.events.record import Record
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.microbatch.account_reads import BlockedAccount, ReadableAccount
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld

USER = "sunbird.user"
LOOKUP = "sunbird.user_lookup"
IDENTITY = "sunbird.usr_external_identity"
MEMBERSHIP = "sunbird.user_organisation"
AUDIT = "test.telemetry.raw"
FAILED = "test.lern.pipeline.failed"

#: What the migrations create, and what the existing job's tests create.
LAYOUT_A, LAYOUT_B = ("provider", "idtype", "externalid"), ("userid", "idtype", "provider")

#: 2024-06-01T09:15:30.123Z, the clock of the contract's examples.
CLOCK = 1_717_233_330.123

KEYCLOAK = {
    "sunbird_sso_url": "http://kc/auth",
    "sunbird_sso_realm": "sunbird",
    "sunbird_sso_client_id": "lms",
    "sunbird_sso_client_secret": "secret",
    "sunbird_sso_username": "admin",
    "sunbird_sso_password": "admin",
    "sunbird_keycloak_user_federation_provider_id": "fp1",
}

PERSONAL = {
    "firstname": "Asha",
    "lastname": "R",
    "maskedemail": "as***@x.org",
    "maskedphone": "******4321",
    "dob": "2001-12-31",
}
BLANKED = (
    *("maskedemail", "maskedphone", "recoveryemail", "recoveryphone", "prevusedemail", "prevusedphone"),
    *("username", "firstname", "lastname", "dob", "email", "phone"),
)


def deletion_settings(**values: str) -> JobSettings:
    """Keycloak as in the contract's examples, all else as documented; ``user_table="…"`` sets one, "" unsets."""
    given = KEYCLOAK | values
    environment = {f"LERN_PIPELINE_{name.upper()}": value for name, value in given.items() if value}
    return load_configuration(None, {"LERN_PIPELINE_ENV": "test"} | environment).for_job(USER_DELETION_CLEANUP.name)


@dataclass
class Users:
    """The platform around the job. Batches take what was published since the last one."""

    base: str
    settings: JobSettings = field(default_factory=deletion_settings)
    world: InMemoryWorld = field(default_factory=InMemoryWorld)
    layout: tuple[str, ...] = LAYOUT_A
    planned: dict[int, int] = field(default_factory=dict)
    keys: list[MicroBatchKey] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.rows.primary_keys[IDENTITY] = self.layout

    # --- what is given

    def row(self, user: str, **columns: Any) -> None:
        self.world.rows.give(USER, {"id": user}, {"userid": user, "rootorgid": "org-1", "status": 1} | columns)

    def member(self, user: str, organisation: str = "org-1", **columns: Any) -> None:
        key = {"userid": user, "organisationid": organisation}
        self.world.rows.give(MEMBERSHIP, key, {"isdeleted": False, "orgleftdate": None} | columns)

    def lookup(self, type_: str, value: str, user: str) -> None:
        self.world.rows.give(LOOKUP, {"type": type_, "value": value}, {"userid": user})

    def identity(self, user: str, idtype: str, provider: str, externalid: str) -> None:
        row = {"userid": user, "idtype": idtype, "provider": provider, "externalid": externalid}
        key = {column: row.pop(column) for column in self.layout}
        self.world.rows.give(IDENTITY, key, row)

    def cached(self, user: str) -> None:
        self.world.caches.database("redis-meta", 12)[f"user:{user}"] = {"firstname": "Asha"}

    def whole(self, user: str, managed: tuple[str, ...] = ()) -> None:
        """A user with everything, of organisation org-1, whom the service still gives; those that the user manages
        have a row and a hash."""
        self.row(user, **PERSONAL, email=f"E{user}==", phone=f"P{user}==", username=f"N{user}==")
        self.member(user)
        for type_, value in (("email", f"E{user}=="), ("phone", f"P{user}=="), ("username", f"N{user}==")):
            self.lookup(type_, value, user)
        self.identity(user, "org-1", "org-1", f"K-{user}")
        self.identity(user, "declared-ext-id", "org-2", f"t-{user}")
        self.lookup("externalid", f"k-{user}@org-1", user)
        self.cached(user)
        self.world.logins.accounts.add(user)
        self.readable(user)
        for other in managed:
            self.row(other, **PERSONAL, email=f"E{other}==")
            self.cached(other)

    def readable(self, user: str, organisation: str | None = "org-1") -> None:
        self.world.accounts.answers[user] = ReadableAccount(user, organisation)

    def blocked(self, user: str) -> None:
        self.world.accounts.answers[user] = BlockedAccount()

    def delete(self, user: Any, organisation: Any = "org-1", mid: str | None = "m", **edata: Any) -> Record:
        """The event as the user service makes it, ``mid`` made unique per user."""
        event = {
            "eid": "BE_JOB_REQUEST",
            "ets": 1_717_000_000_000,
            "edata": {"action": "delete-user", "userId": user, "organisationId": organisation, **edata},
        }
        if mid is not None:
            event["mid"] = f"LP.{mid}"
        return self.publish(event)

    def publish(self, event: Any, partition: int = 0) -> Record:
        return self.world.broker.append(json.dumps(event).encode(), partition)

    # --- running

    def run(self, now: float = CLOCK) -> BatchResult:
        """One batch of everything new."""
        ends = self.world.broker.ends()
        ranges = [OffsetRange(partition, self.planned.get(partition, 0), end) for partition, end in ends.items()]
        self.planned = ends
        self.keys.append(MicroBatchKey.of(datetime.fromtimestamp(now, UTC), ranges))
        return self.execute(self.keys[-1], now)

    def execute(self, key: MicroBatchKey, now: float = CLOCK, rerun: bool = False) -> BatchResult:
        store = BatchStore(self.base, USER_DELETION_CLEANUP.name)
        run = MicroBatchRun(USER_DELETION_CLEANUP, self.settings, self.world.services, store, clock=lambda: now)
        return run.execute(key, 1, rerun)

    def rerun(self, now: float = CLOCK + 3600) -> BatchResult:
        return self.execute(self.keys[-1], now, rerun=True)

    # --- what is found

    def columns(self, user: str) -> Mapping[str, Any]:
        row = self.world.rows.row(USER, {"id": user})
        assert row is not None
        return row

    def membership(self, user: str, organisation: str = "org-1") -> tuple[Any, Any]:
        row = self.world.rows.row(MEMBERSHIP, {"userid": user, "organisationid": organisation})
        assert row is not None
        return row["isdeleted"], row["orgleftdate"]

    def lookups(self) -> list[tuple[str, str]]:
        return [(row["type"], row["value"]) for row in self.world.rows.rows(LOOKUP)]

    def identities(self) -> list[str]:
        return sorted(row["externalid"] for row in self.world.rows.rows(IDENTITY))

    def hashes(self) -> set[str]:
        return set(self.world.caches.database("redis-meta", 12))

    def is_blanked(self, user: str) -> bool:
        row = self.columns(user)
        return row["status"] == 2 and all(row.get(column) == "" for column in BLANKED)

    def audits(self) -> list[dict[str, Any]]:
        """Each once, however often it was sent; two that differ under one id are two."""
        sent = {(m.id, m.value): m for m in self.world.broker.published if m.topic == AUDIT}
        return [json.loads(message.value) for message in sent.values()]

    def parked(self) -> list[str]:
        """Reasons on the failed topic."""
        sent = {m.id: m for m in self.world.broker.published if m.topic == FAILED}
        return [json.loads(message.value)["failInfo"]["error"] for message in sent.values()]

    def state(self) -> Any:
        """All that is stored."""
        return (
            self.world.rows.state(frozenset({"orgleftdate"})),
            sorted(self.hashes()),
            sorted(self.world.logins.accounts),
        )
