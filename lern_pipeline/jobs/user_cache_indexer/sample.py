"""A sample of users and hashes, compared (for the check ``matches_cassandra``)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lern_pipeline.jobs.user_cache_indexer.anonymous import FIELDS, is_anonymous
from lern_pipeline.jobs.user_cache_indexer.consistency import Difference, differences
from lern_pipeline.jobs.user_cache_indexer.indexer import DATABASE, PREFIX, SERVER
from lern_pipeline.jobs.user_cache_indexer.lookups import Lookups
from lern_pipeline.jobs.user_cache_indexer.rules import hash_key, index_user
from lern_pipeline.jobs.user_cache_indexer.user_row import USER_TABLE, UserRow
from lern_pipeline.microbatch.services import Readers, Services
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline.settings import JobSettings

#: Places of the ring at which users are taken, so that a sample costs a few pages.
PLACES = 10


@dataclass(slots=True)
class Compared:
    """What a sample came to. ``users``: looked at; ``without_hash``: users who have none; ``differing``: users with any
    difference; ``hashes_of_nobody``: hashes, of as many random ones, that are of no user in Cassandra."""

    users: int = 0
    without_hash: int = 0
    differing: int = 0
    fields: Counter[Difference] = field(default_factory=Counter)
    hashes: int = 0
    hashes_of_nobody: int = 0

    @property
    def agrees(self) -> bool:
        return not (self.without_hash or self.differing or self.hashes_of_nobody)


def compare_sample(services: Services, settings: JobSettings, count: int, seed: str) -> Compared:
    """Compare ``count`` users of Cassandra with their hashes, and as many hashes with Cassandra.

    Raises:
        ServiceUnavailable: a store does not answer.
    """
    lookups = Lookups(services.readers, settings.flag("extended.fields.enabled"))
    compared, database = Compared(), settings.integer(DATABASE)
    users = {hash_key(user.userid): user for user in _some_users(services.readers, lookups, count, seed) if user.userid}
    # Hashes first: what is read after them is not older (as when they are written).
    hashes = services.caches.hashes(SERVER, database, users)
    users = {hash_key(user.userid): user for user in lookups.users([u.id for u in users.values()]) if user.userid}
    data = lookups.reference_data(
        list(users.values()), lookups.memberships(user.userid for user in users.values() if user.userid)
    )
    for key, user in users.items():
        compared.users += 1
        stored = hashes.get(key, {})
        if isinstance(stored, WrongType) or not stored:
            compared.without_hash += 1
            continue
        indexed = index_user(user, data)
        found = [
            one
            for one in differences(stored, indexed.fields)
            if not (indexed.framework_unknown and one.field.startswith("framework_"))
        ]
        compared.differing += bool(found)
        compared.fields.update(found)
    _look_for_nobody(services, lookups, database, count, compared)
    return compared


def _some_users(readers: Readers, lookups: Lookups, count: int, seed: str) -> Iterator[UserRow]:
    """Of random places in the ring the users that come next."""
    chance = random.Random(seed)
    at_each = -(-count // PLACES)
    ids: set[str] = set()
    for _ in range(PLACES):
        first = chance.randrange(-(2**63), 2**63)
        # Up to where the ring ends; then from its beginning, so that every user can be met.
        for tokens in ((first, 2**63 - 1), (-(2**63), first)):
            found = _first_ids(readers, tokens, at_each)
            ids |= found
            if len(found) >= at_each:
                break
    yield from lookups.users(sorted(ids))


def _first_ids(readers: Readers, tokens: tuple[int, int], count: int) -> set[str]:
    """Some ids of the range; looks at ever larger parts of it, so as not to read it all."""
    first, last = tokens
    ids: set[str] = set()
    width = 2**48
    while first <= last and len(ids) < count:
        end = min(first + width, last)
        for page in readers.rows.scan(USER_TABLE, ("id",), "id", {}, (first, end)):
            ids |= {id_ for (id_,) in page}
            if len(ids) >= count:
                break
        first, width = end + 1, width * 4
    return set(sorted(ids)[:count])


def _look_for_nobody(services: Services, lookups: Lookups, database: int, count: int, compared: Compared) -> None:
    keys = sorted(key for key in services.caches.random_keys(SERVER, database, count) if key.startswith(PREFIX))
    values = services.caches.hash_fields(SERVER, database, keys, FIELDS)
    userids = [key.removeprefix(PREFIX) for key, fields in values.items() if not is_anonymous(fields[0])]
    there = {user.id for user in lookups.users(userids)}
    compared.hashes = len(userids)
    compared.hashes_of_nobody = sum(userid not in there for userid in userids)
