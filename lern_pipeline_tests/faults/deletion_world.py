"""Users who are deleted: some are still readable, some the user service has deleted already, some manage others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.microbatch.effects import Unfinished
from lern_pipeline.microbatch.plan import CacheWrites, RowWrites, UpdateHash
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.effect_ledger import CassandraEffectLedger
from lern_pipeline_tests.faults.job_world import ClientOf, JobWorld, Selection
from lern_pipeline_tests.third_party.server import ThirdParty

#: Every so manieth user is blocked, manages another, has an account that Keycloak does not remove but lets be blanked.
EVERY_BLOCKED, EVERY_MANAGING, EVERY_KEPT = 3, 4, 5
PROVIDER = "fp1"
CACHE = 12


class DeletionWorld(JobWorld):
    """``server``: has the user and organisation service, and Keycloak."""

    job = USER_DELETION_CLEANUP
    never_passed = frozenset({"between-last"})
    telling_points = ()
    times = frozenset({"orgleftdate"})

    def __init__(
        self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, server: ThirdParty
    ) -> None:
        self._server = server
        super().__init__(addresses, directory, events, batch_size)
        self.environment |= {
            "LERN_PIPELINE_SERVICE_USERORG_BASEPATH": f"{server.address}/userorg",
            "LERN_PIPELINE_SUNBIRD_SSO_URL": f"{server.address}/auth/",
            "LERN_PIPELINE_SUNBIRD_SSO_REALM": "sunbird",
            "LERN_PIPELINE_SUNBIRD_SSO_CLIENT_ID": "lms",
            "LERN_PIPELINE_SUNBIRD_SSO_CLIENT_SECRET": "secret",
            "LERN_PIPELINE_SUNBIRD_SSO_USERNAME": "admin",
            "LERN_PIPELINE_SUNBIRD_SSO_PASSWORD": "admin",
            "LERN_PIPELINE_SUNBIRD_KEYCLOAK_USER_FEDERATION_PROVIDER_ID": PROVIDER,
            "LERN_PIPELINE_EFFECTS_CONCURRENCY": "4",
        }
        known = {"identifier": None, "rootOrgId": self.organisation}
        users = {
            self.user(number): {"blocked": True}
            if self.is_blocked(number)
            else known | {"identifier": self.user(number)}
            for number in range(events)
        }
        server.services["users"].add({"users": users})
        kept = [self.account(number) for number in range(0, events, EVERY_KEPT)]
        accounts = {self.account(number): self._account(number) for number in range(events)}
        server.services["keycloak"].add({"accounts": accounts, "keeps": kept})

    def make_workload(self) -> None:
        """Every event is made when it is asked for."""

    def event(self, number: int) -> bytes:
        edata: dict[str, Any] = {
            "userId": self.user(number),
            "organisationId": self.organisation,
            "action": "delete-user",
        }
        if number % EVERY_MANAGING == 0:
            edata["managed_users"] = [self.managed(number), None, f"nobody-{self.token}"]
        return json.dumps({"eid": "BE_JOB_REQUEST", "mid": f"LP.{self.token}.{number}", "edata": edata}).encode()

    # --- who there is

    @property
    def organisation(self) -> str:
        return f"org-{self.token}"

    def user(self, number: int) -> str:
        return f"user-{number}-{self.token}"

    def managed(self, number: int) -> str:
        return f"managed-{number}-{self.token}"

    def account(self, number: int) -> str:
        return f"f:{PROVIDER}:{self.user(number)}"

    def is_blocked(self, number: int) -> bool:
        return number % EVERY_BLOCKED == 2

    @property
    def readable(self) -> list[int]:
        return [number for number in range(self.events) if not self.is_blocked(number)]

    def _account(self, number: int) -> dict[str, Any]:
        return {"username": self.user(number), "email": "a@x.org", "firstName": "Asha", "enabled": True}

    # --- what is there before

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        users, lookups, members, identities = [], [], [], []
        for number in range(self.events):
            user = self.user(number)
            # The service leaves a deleted user's row blanked, but not the existing job's remains.
            values = ("", "") if self.is_blocked(number) else (f"E-{user}", f"N-{user}")
            users.append([user, user, self.organisation, 2 if self.is_blocked(number) else 1, *values, write_time_us])
            members.append([user, self.organisation, False, write_time_us])
            if not self.is_blocked(number):
                lookups.append(["email", f"E-{user}", user, write_time_us])
                lookups.append(["username", f"N-{user}", user, write_time_us])
                lookups.append(["externalid", f"k-{user}@{self.organisation}", user, write_time_us])
                identities.append([self.organisation, self.organisation, f"K-{user}", user, write_time_us])
                identities.append([self.organisation, "declared-ext-id", f"D-{user}", user, write_time_us])
            if number % EVERY_MANAGING == 0:
                managed = self.managed(number)
                users.append([managed, managed, self.organisation, 1, f"E-{managed}", "", write_time_us])
        columns = ("userid", "rootorgid", "status", "email", "username")
        yield RowWrites("sunbird.user", ("id",), columns, rows=users, insert=True)
        yield RowWrites("sunbird.user_lookup", ("type", "value"), ("userid",), rows=lookups, insert=True)
        key = ("userid", "organisationid")
        yield RowWrites("sunbird.user_organisation", key, ("isdeleted",), rows=members, insert=True)
        key3 = ("provider", "idtype", "externalid")
        yield RowWrites("sunbird.usr_external_identity", key3, ("userid",), rows=identities, insert=True)

    def given_caches(self) -> Iterator[CacheWrites]:
        ids = [self.user(number) for number in range(self.events)]
        ids += [self.managed(number) for number in range(0, self.events, EVERY_MANAGING)]
        # Somebody else's stays.
        ids.append(f"other-{self.token}")
        yield CacheWrites("redis-meta", CACHE, [[UpdateHash(f"user:{id_}", (), {"firstname": "Asha"})] for id_ in ids])

    # --- what is left

    def selections(self) -> Iterator[Selection]:
        for number in range(self.events):
            user = self.user(number)
            yield "sunbird.user", {"id": user}
            yield "sunbird.user_organisation", {"userid": user}
            yield "sunbird.usr_external_identity", {"userid": user}
            for kind, value in (
                ("email", f"E-{user}"),
                ("username", f"N-{user}"),
                ("externalid", f"k-{user}@{self.organisation}"),
            ):
                yield "sunbird.user_lookup", {"type": kind, "value": value}
            yield "sunbird.user", {"id": self.managed(number)}
        yield "sunbird.user", {"id": f"nobody-{self.token}"}

    def keys_left(self, client_of: ClientOf) -> Mapping[str, str]:
        return dict.fromkeys(client_of(CACHE).scan_iter(f"*{self.token}*", count=1000), "there")

    def accounts(self) -> dict[str, dict[str, Any]]:
        """What Keycloak has, without the token."""
        state = self._server.services["keycloak"].state()["accounts"]
        return {
            self.without_token(id_): json.loads(self.without_token(json.dumps(one)))
            for id_, one in state.items()
            if self.token in id_
        }

    def unfinished(self) -> list[Unfinished]:
        cassandra = Cassandra(self.settings)
        try:
            lines = CassandraEffectLedger(self.settings, cassandra).unfinished(self.job.name)
        finally:
            cassandra.close()
        return [line for line in lines if self.token in line.to_whom]
