"""Seeded users with organisations, locations and memberships, as user-cache-indexer reads them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lern_pipeline.microbatch.plan import RowWrites

CUSTODIAN = "benchmark-custodian"
"""The custodian organisation of an installation that a benchmark may fill."""

TENANTS = 30
#: Users of one place, on average.
KINDS = {"state": 30_000, "district": 5_000, "block": 500, "cluster": 100}
USERS_OF_A_SCHOOL = 20
ROWS_AT_A_TIME = 20_000


@dataclass(frozen=True, slots=True)
class IndexerWorkload:
    """``users`` of them: each with a profile in full, a membership in the root organisation and one in a school."""

    users: int
    seed: int

    def shared_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        """Custodian, organisations, locations."""
        custodian = ["custodianOrgId", "custodianOrgId", CUSTODIAN, write_time_us]
        yield RowWrites("sunbird.system_settings", ("id",), ("field", "value"), rows=[custodian])
        columns = ("orgname", "organisationtype", "externalid")
        roots = [
            [id_, f"Organisation {id_}", 5, None, write_time_us] for id_ in (CUSTODIAN, *map(_tenant, range(TENANTS)))
        ]
        schools = [[_school(n), f"School {n}", 2, f"29{n:09d}", write_time_us] for n in range(self._schools)]
        yield RowWrites("sunbird.organisation", ("id",), columns, rows=[*roots, *schools])
        places = [
            [_place(kind, n), f"{kind} {n}", kind, write_time_us] for kind in KINDS for n in range(self._places(kind))
        ]
        yield RowWrites("sunbird.location", ("id",), ("name", "type"), rows=places)

    def user_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        """Users and their memberships, some at a time."""
        chance = random.Random(self.seed)
        users = iter(range(self.users))
        columns = (
            *("userid", "firstname", "lastname", "email", "phone", "rootorgid", "updateddate"),
            *("profilelocation", "profileusertypes", "framework", "status"),
        )
        while numbers := list(islice(users, ROWS_AT_A_TIME)):
            profiles: list[list[Any]] = []
            memberships: list[list[Any]] = []
            for number in numbers:
                id_ = f"benchmark-{self.seed}-{number:024d}"
                root = CUSTODIAN if chance.random() < 0.5 else _tenant(chance.randrange(TENANTS))
                profiles.append([id_, id_, *self._profile(chance, root, number), write_time_us])
                for organisation in (root, _school(chance.randrange(self._schools))):
                    memberships.append([id_, organisation, False, write_time_us])
            yield RowWrites("sunbird.user", ("id",), columns, rows=profiles)
            yield RowWrites("sunbird.user_organisation", ("userid", "organisationid"), ("isdeleted",), rows=memberships)

    @property
    def _schools(self) -> int:
        return max(1, self.users // USERS_OF_A_SCHOOL)

    def _places(self, kind: str) -> int:
        return max(1, self.users // KINDS[kind])

    def _profile(self, chance: random.Random, root: str, number: int) -> list[Any]:
        places = [{"id": _place(kind, chance.randrange(self._places(kind))), "type": kind} for kind in KINDS]
        framework = {
            "id": ["benchmark"],
            "board": ["State"],
            "medium": ["Kannada", "English"],
            "gradeLevel": ["Class 4"],
        }
        return [
            f"First{number}",
            f"Last{number}",
            f"{chance.getrandbits(256):064x}",
            f"{chance.getrandbits(256):064x}",
            root,
            "2026-05-02 10:00:00:000+0530",
            json.dumps(places),
            '[{"type":"teacher","subType":"hm"}]',
            framework,
            1,
        ]


def _tenant(number: int) -> str:
    return f"benchmark-tenant-{number:03d}"


def _school(number: int) -> str:
    return f"benchmark-school-{number:06d}"


def _place(kind: str, number: int) -> str:
    return f"benchmark-{kind}-{number:05d}"
