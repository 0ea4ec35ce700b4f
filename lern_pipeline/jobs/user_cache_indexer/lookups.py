"""Reads what the rules need for some users, in bulk; what many users share is asked for once (contract 2.2, 2.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.jobs.user_cache_indexer.profile_json import LOCATION_TYPES, UnusableColumn, location_ids
from lern_pipeline.jobs.user_cache_indexer.reference_data import (
    Declaration,
    ExternalIdentity,
    Location,
    Organisation,
    ReferenceData,
)
from lern_pipeline.jobs.user_cache_indexer.rules import first_framework
from lern_pipeline.jobs.user_cache_indexer.user_row import USER_TABLE, UserRow, columns, user_row
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.microbatch.user_directory import NoAnswer

CUSTODIAN = "custodianOrgId"
MEMBERSHIPS = "sunbird.user_organisation"
MEMBERSHIP_COLUMNS = ("userid", "organisationid", "isdeleted")
DECLARED = "declared-ext-id"

# Bounds memory where there are millions of schools.
MOST_REMEMBERED = 100_000

K = TypeVar("K")
V = TypeVar("V")
Tokens = tuple[int, int]


class Remembered(Generic[V]):
    """Values by id, read when they are first asked for; None where there is none. Forgets all when there are many."""

    def __init__(self, read: Callable[[list[str]], Mapping[str, V]]) -> None:
        self._read = read
        self._known: dict[str, V | None] = {}

    def of(self, ids: Iterable[str]) -> dict[str, V]:
        """Those of ``ids`` that exist."""
        wanted = list(dict.fromkeys(ids))
        # Another thread may begin anew meanwhile; what this one has found stays with it.
        known = self._known
        missing = [id_ for id_ in wanted if id_ not in known]
        if missing:
            if len(known) + len(missing) > MOST_REMEMBERED:
                self._known = known = {}
                missing = wanted
            found = self._read(missing)
            known.update((id_, found.get(id_)) for id_ in missing)
        return {id_: value for id_ in wanted if (value := known[id_]) is not None}


class Lookups:
    """For one run. ``framework_failures``: framework id → why its categories could not be had (R8)."""

    def __init__(self, readers: Readers, extended: bool) -> None:
        self._rows = readers.rows
        self._directory = readers.directory
        self._extended = extended
        self._organisations = Remembered(self._read_organisations)
        self._locations = Remembered(self._read_locations)
        self._categories = Remembered(self._read_categories)
        self._custodian: str | None = None
        self.framework_reads = 0
        self.framework_failures: dict[str, str] = {}

    def custodian(self) -> str:
        """Id of the root organisation of users who have registered themselves.

        Raises:
            ConfigurationError: Cassandra does not say.
        """
        if self._custodian is None:
            rows = self._rows.select("sunbird.system_settings", ("field", "value"), (), "id", [(CUSTODIAN,)])
            values = [value for field, value in rows if field == CUSTODIAN and value]
            if not values:
                raise ConfigurationError(f"sunbird.system_settings has no {CUSTODIAN}: the users' sign-in needs it")
            self._custodian = str(values[0])
        return self._custodian

    def users(self, ids: Sequence[str]) -> list[UserRow]:
        """The rows of ``ids`` that exist."""
        names = columns(self._extended)
        return [user_row(row) for row in self._rows.select(USER_TABLE, names, (), "id", [(id_,) for id_ in ids])]

    def users_between(self, tokens: Tokens) -> list[UserRow]:
        """The rows of all users whose token is in the range."""
        pages = self._rows.scan(USER_TABLE, columns(self._extended), "id", {}, tokens)
        return [user_row(row) for page in pages for row in page]

    def memberships(self, userids: Iterable[str]) -> dict[str, list[str]]:
        """User → organisations that they are in now."""
        keys = [(userid,) for userid in userids]
        return active(self._rows.select(MEMBERSHIPS, MEMBERSHIP_COLUMNS, (), "userid", keys))

    def memberships_between(self, tokens: Tokens) -> dict[str, list[str]]:
        """As :meth:`memberships`, of all users whose token is in the range."""
        found: dict[str, list[str]] = {}
        for page in self._rows.scan(MEMBERSHIPS, MEMBERSHIP_COLUMNS, "userid", {}, tokens):
            for userid, organisations in active(page).items():
                found.setdefault(userid, []).extend(organisations)
        return found

    def reference_data(self, users: Sequence[UserRow], memberships: Mapping[str, Sequence[str]]) -> ReferenceData:
        """Everything the rules look up for these users."""
        userids = [user.userid for user in users if user.userid is not None]
        organisations = {user.rootorgid for user in users} | {o for id_ in userids for o in memberships.get(id_, ())}
        frameworks = {first_framework(user) for user in users}
        return ReferenceData(
            custodian=self.custodian(),
            memberships=memberships,
            organisations=self._organisations.of(_present(organisations)),
            locations=self._locations.of(_location_ids(users)),
            categories=self._categories.of(_present(frameworks)),
            declarations=self._read_declarations(userids) if self._extended else {},
            identities=self._read_identities(userids) if self._extended else {},
        )

    def _read_organisations(self, ids: list[str]) -> dict[str, Organisation]:
        names = ["id", "orgname", "externalid", "organisationtype"]
        if self._extended:
            names += ["locationids", "orglocation"]
        rows = self._rows.select("sunbird.organisation", names, (), "id", [(id_,) for id_ in ids])
        return {id_: Organisation(*values) for id_, *values in rows}

    def _read_locations(self, ids: list[str]) -> dict[str, Location]:
        rows = self._rows.select("sunbird.location", ("id", "name", "type"), (), "id", [(id_,) for id_ in ids])
        return {id_: Location(name, kind) for id_, name, kind in rows}

    def _read_categories(self, ids: list[str]) -> dict[str, tuple[str, ...] | NoAnswer]:
        self.framework_reads += len(ids)
        found: dict[str, tuple[str, ...] | NoAnswer] = {}
        for id_ in ids:
            try:
                found |= self._directory.framework_categories([id_])
            except ServiceUnavailable as error:
                found[id_] = NoAnswer(f"framework-read: {error.reason}")
        self.framework_failures.update({id_: a.reason for id_, a in found.items() if isinstance(a, NoAnswer)})
        return found

    def _read_declarations(self, userids: list[str]) -> dict[str, list[Declaration]]:
        names = ("userid", "orgid", "persona", "userinfo")
        found: dict[str, list[Declaration]] = {}
        rows = self._rows.select("sunbird.user_declarations", names, (), "userid", [(id_,) for id_ in userids])
        for userid, orgid, persona, info in rows:
            found.setdefault(userid, []).append(Declaration(orgid, persona, (info or {}).get(DECLARED)))
        return found

    def _read_identities(self, userids: list[str]) -> dict[str, list[ExternalIdentity]]:
        """By the index on `userid`, or the key, whichever layout the table has (platform P2)."""
        names = ("userid", "idtype", "provider", "externalid")
        found: dict[str, list[ExternalIdentity]] = {}
        for userid, *values in self._rows.select_each("sunbird.usr_external_identity", names, "userid", userids):
            found.setdefault(userid, []).append(ExternalIdentity(*values))
        return found


def active(rows: Iterable[Sequence[object]]) -> dict[str, list[str]]:
    """Of (user, organisation, isdeleted) the memberships that are not deleted; null is not usable."""
    found: dict[str, list[str]] = {}
    for userid, organisation, deleted in rows:
        if deleted is False:
            found.setdefault(str(userid), []).append(str(organisation))
    return found


def _location_ids(users: Sequence[UserRow]) -> set[str]:
    found: set[str] = set()
    for user in users:
        try:
            ids = location_ids(user.profilelocation)
        except UnusableColumn:
            # The rules meet it again and count it.
            continue
        found |= _present(ids.get(kind) for kind in LOCATION_TYPES)
    return found


def _present(ids: Iterable[str | None]) -> set[str]:
    return {id_ for id_ in ids if id_}
