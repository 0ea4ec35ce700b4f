"""Indexing the buckets of one run (contract 3 and 8).

A scan tells who there is, page by page. Then their hashes are read, and only then their rows, which stand together in
the ring; what these change of the hashes is written in a transaction that is applied only if nobody has touched one of
them since. So whatever an event's job writes meanwhile is either older than what is written here, or stays.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from lern_pipeline.jobs.user_cache_indexer.anonymous import (
    FIELDS,
    AnonymousUser,
    copied_fields,
    is_anonymous,
)
from lern_pipeline.jobs.user_cache_indexer.buckets import Bucket
from lern_pipeline.jobs.user_cache_indexer.kept import KeptBuckets, Progress
from lern_pipeline.jobs.user_cache_indexer.lookups import Lookups
from lern_pipeline.jobs.user_cache_indexer.rules import Indexed, change_of, hash_key, index_user
from lern_pipeline.jobs.user_cache_indexer.selection import Selection
from lern_pipeline.jobs.user_cache_indexer.tally import Tally
from lern_pipeline.jobs.user_cache_indexer.user_row import USER_TABLE, UserRow
from lern_pipeline.microbatch.crash_points import crash_point
from lern_pipeline.microbatch.plan import CacheChange, DeleteKey, UpdateHash
from lern_pipeline.microbatch.services import Services
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline.settings import JobSettings

SERVER = "redis-meta"
DATABASE = "redis.user.database.index"
INPUT_DATABASE = "redis.user.input.index"
PATTERN = "user:*"
PREFIX = "user:"

#: Users read, compared and written together (contract 3.5).
GROUP = 1000
#: What tells who there is and whom a run takes.
FOUND_BY = ("id", "userid", "updateddate")
#: The share of a page's users below which they are looked for one by one.
FEW = 0.1

Mode = Literal["update", "refresh", "anonymous"]
Report = Callable[[str], None]
BackUp = Callable[[list[AnonymousUser]], None]
Outcome = Literal["written", "unchanged", "failed", "gone"]


@dataclass(frozen=True)
class Request:
    """What a run asks for. ``attempts_of``: the run, or the first of those it is another attempt of."""

    attempts_of: str
    selection: Selection
    mode: Mode = "update"

    @property
    def parameters(self) -> dict[str, str]:
        """To tell what was asked for from what is asked for now."""
        from_date = self.selection.from_specific_date
        return {
            "mode": self.mode,
            "specific_user_id": self.selection.specific_user_id or "",
            "from_specific_date": from_date.isoformat() if from_date else "",
        }


class Indexer:
    """Indexes the buckets of one run."""

    def __init__(
        self,
        settings: JobSettings,
        services: Services,
        kept: KeptBuckets,
        back_up: BackUp = lambda users: None,
        report: Report = lambda line: None,
    ) -> None:
        """``settings`` are those of user-cache-indexer; ``back_up`` is given anonymous users, some at a time."""
        self._services = services
        self._caches = services.caches
        self._kept = kept
        self._back_up = back_up
        self._report = report
        self._database = settings.integer(DATABASE)
        self._input_database = settings.integer(INPUT_DATABASE)
        self._scan_count = settings.integer("redis.scan.count")
        self._group = min(GROUP, settings.integer("redis.max.pipeline.size"))
        self._buckets_at_a_time = settings.integer("user.index.buckets.at.a.time")
        self._extended = settings.flag("extended.fields.enabled")
        self._backed_up: Counter[Bucket] = Counter()
        self.lookups = Lookups(services.readers, self._extended)

    def execute(self, buckets: Sequence[Bucket], request: Request) -> dict[Bucket, Tally]:
        """Index all users of the buckets that the request selects.

        Raises:
            ServiceUnavailable: a store does not answer; another attempt goes on behind the last finished bucket.
            ConfigurationError: the custodian organisation is not known, or a service refuses.
        """
        if request.mode == "anonymous":
            return self._copy_anonymous(buckets)
        if request.selection.specific_user_id is not None:
            return self._one_user(buckets, request.selection.specific_user_id, request)
        done = {bucket: self._done_before(bucket, request) for bucket in buckets}
        clean = request.mode == "refresh"
        if clean:
            self._back_up_anonymous([bucket for bucket in buckets if done[bucket] is None])
        now = dict(self._index_buckets([bucket for bucket in buckets if done[bucket] is None], request))
        progress = {bucket: done[bucket] or now[bucket] for bucket in buckets}
        unswept = {bucket: one for bucket, one in progress.items() if clean and not one.swept}
        if unswept:
            self._sweep(unswept)
        return {bucket: one.tally for bucket, one in progress.items()}

    def _done_before(self, bucket: Bucket, request: Request) -> Progress | None:
        """What an earlier attempt of the same run has done of it."""
        found = self._kept.progress(bucket)
        if found is None or found.attempts_of != request.attempts_of or found.parameters != request.parameters:
            return None
        self._report(f"{bucket.key}: indexed by an earlier attempt of this run")
        return found

    # --- users

    def _index_buckets(self, buckets: Sequence[Bucket], request: Request) -> Iterator[tuple[Bucket, Progress]]:
        """Some at a time: while one waits for the servers, another decides. After the first failure none is begun."""
        failed = threading.Event()

        def index(bucket: Bucket) -> Progress:
            if failed.is_set():
                raise CancelledError
            try:
                return self._index_bucket(bucket, request)
            except BaseException:
                failed.set()
                raise

        with ThreadPoolExecutor(self._buckets_at_a_time, "indexer") as pool:
            asked = {bucket: pool.submit(index, bucket) for bucket in buckets}
            try:
                for bucket, future in asked.items():
                    try:
                        progress = future.result()
                    except CancelledError:
                        # Another one tells why.
                        continue
                    tally = progress.tally
                    self._report(f"{bucket.key}: {tally.selected} users, {tally.written} written")
                    yield bucket, progress
            finally:
                failed.set()

    def _index_bucket(self, bucket: Bucket, request: Request) -> Progress:
        tally = Tally(anonymous_backed_up=self._backed_up[bucket])
        tokens: array[int] = array("q")
        clean = request.mode == "refresh"
        rows = self._services.rows
        with _timed(tally, "users"):
            for page in rows.scan(USER_TABLE, FOUND_BY, "id", {}, bucket.tokens):
                users = [(id_, userid, updateddate) for id_, userid, updateddate in page if userid]
                tally.without_userid += len(page) - len(users)
                if clean:
                    tokens.extend(rows.tokens([userid for _, userid, _ in users]))
                selected = {hash_key(userid): id_ for id_, userid, date in users if request.selection.takes(date)}
                every = len(selected) > len(page) * FEW
                for group in _groups(selected, self._group):
                    self._index(group, every, tally, clean)
                    crash_point("between-groups")
        progress = Progress(request.attempts_of, request.parameters, tally)
        if clean:
            self._kept.write_tokens(bucket, tokens)
        self._kept.write_progress(bucket, progress)
        crash_point("between-chunks")
        return progress

    def _index(self, ids: Mapping[str, str], every: bool, tally: Tally, clean: bool) -> None:
        """Write what differs of some users' hashes. ``ids``: key → the user's id; ``every``: they are most of the users
        in their part of the ring, so reading that costs far less than looking for each of them."""
        outcomes: dict[str, tuple[Outcome, Indexed | None]] = {}
        removed: dict[str, int] = {}

        def changes(hashes: Mapping[str, dict[str, str] | WrongType]) -> list[CacheChange]:
            """Called again when somebody has touched one of the hashes."""
            wanted = {ids[key]: key for key in hashes}
            users, memberships = self._read(list(wanted), every)
            data = self.lookups.reference_data(users, memberships)
            indexed = {wanted[user.id]: index_user(user, data) for user in users if user.userid}
            made: list[CacheChange] = []
            for key, stored in hashes.items():
                removed.pop(key, None)
                if isinstance(stored, WrongType):
                    outcomes[key] = "failed", None
                elif key not in indexed:
                    outcomes[key] = "gone", None
                else:
                    change = change_of(key, stored, indexed[key], clean)
                    outcomes[key] = "unchanged" if change is None else "written", indexed[key]
                    if change is not None:
                        removed[key] = len(change.removed)
                        made.append(change)
            return made

        self._caches.change_hashes(SERVER, self._database, list(ids), changes)
        for outcome, indexed in outcomes.values():
            tally.selected += 1
            setattr(tally, outcome, getattr(tally, outcome) + 1)
            for column in indexed.unusable if indexed else ():
                tally.unusable[column] = tally.unusable.get(column, 0) + 1
        tally.fields_removed += sum(removed.values())

    def _read(self, ids: Sequence[str], every: bool) -> tuple[list[UserRow], dict[str, list[str]]]:
        """The users' rows and memberships, as they are now."""
        if not every:
            users = self.lookups.users(ids)
            return users, self.lookups.memberships(user.userid for user in users if user.userid)
        tokens = self._services.rows.tokens(ids)
        between = min(tokens), max(tokens)
        wanted = set(ids)
        users = [user for user in self.lookups.users_between(between) if user.id in wanted]
        memberships = self.lookups.memberships_between(between)
        # The user service makes both ids the same; only then are both rows in the same part of the ring.
        elsewhere = [user.userid for user in users if user.userid and user.userid != user.id]
        return users, memberships | self.lookups.memberships(elsewhere)

    def _one_user(self, buckets: Sequence[Bucket], user_id: str, request: Request) -> dict[Bucket, Tally]:
        """Whatever buckets were chosen: the user's row is read by its id. Counted with the first of them."""
        tally = Tally()
        with _timed(tally, "users"):
            users = [user for user in self.lookups.users([user_id]) if user.userid]
            if users:
                ids = {hash_key(user.userid or ""): user.id for user in users}
                self._index(ids, False, tally, request.mode == "refresh")
            elif request.mode == "refresh":
                tally.keys_deleted = self._delete_unknown([user_id])
        return {bucket: tally if bucket == buckets[0] else Tally() for bucket in buckets}

    # --- anonymous users, keys of nobody

    def _back_up_anonymous(self, buckets: Sequence[Bucket]) -> None:
        for found in self._hashes(self._database, buckets):
            for bucket, users in found.items():
                anonymous = [user for user in users if is_anonymous(user[1])]
                self._backed_up[bucket] += len(anonymous)
                if anonymous:
                    self._back_up(anonymous)

    def _copy_anonymous(self, buckets: Sequence[Bucket]) -> dict[Bucket, Tally]:
        """Mode C."""
        tallies = {bucket: Tally() for bucket in buckets}
        for found in self._hashes(self._input_database, buckets):
            for bucket, users in found.items():
                fields = {hash_key(user[0]): copied_fields(user) for user in users if is_anonymous(user[1])}
                wanted = {key: values for key, values in fields.items() if values}

                def changes(
                    hashes: Mapping[str, dict[str, str] | WrongType], wanted: dict[str, dict[str, str]] = wanted
                ) -> list[CacheChange]:
                    usable = [key for key, stored in hashes.items() if not isinstance(stored, WrongType)]
                    return [UpdateHash(key, (), wanted[key]) for key in usable]

                self._caches.change_hashes(SERVER, self._database, list(wanted), changes)
                tallies[bucket].copied += len(wanted)
        return tallies

    def _sweep(self, buckets: Mapping[Bucket, Progress]) -> None:
        """Delete the keys that are neither of a user in Cassandra nor of an anonymous one (R3)."""
        began = time.perf_counter()
        # Of all buckets together: should a user's two ids differ, the hash may be in another bucket than the row.
        known = {token for bucket in buckets for token in self._kept.tokens(bucket)}
        for found in self._hashes(self._database, list(buckets)):
            for bucket, users in found.items():
                tally = buckets[bucket].tally
                suspects = [user[0] for user in users if not is_anonymous(user[1])]
                tokens = self._services.rows.tokens(suspects)
                unknown = [id_ for id_, token in zip(suspects, tokens, strict=True) if token not in known]
                tally.keys_deleted += self._delete_unknown(unknown)
        seconds = time.perf_counter() - began
        for bucket, progress in buckets.items():
            progress.swept = True
            progress.tally.spent("sweep", seconds / len(buckets))
            self._kept.write_progress(bucket, progress)
            self._kept.forget_tokens(bucket)

    def _delete_unknown(self, userids: Sequence[str]) -> int:
        """Delete those that Cassandra does not have by now, unless somebody changes the hash at this moment."""
        if not userids:
            return 0
        deleted: dict[str, bool] = {}

        def changes(hashes: Mapping[str, dict[str, str] | WrongType]) -> list[CacheChange]:
            ids = [key.removeprefix(PREFIX) for key in hashes]
            there = {user.id for user in self.lookups.users(ids) if user.userid}
            for key, stored in hashes.items():
                known = key.removeprefix(PREFIX) in there
                sign_in = None if isinstance(stored, WrongType) else stored.get(FIELDS[0])
                deleted[key] = not known and not is_anonymous(sign_in)
            return [DeleteKey(key) for key in hashes if deleted[key]]

        self._caches.change_hashes(SERVER, self._database, [hash_key(userid) for userid in userids], changes)
        return sum(deleted.values())

    def _hashes(self, database: int, buckets: Sequence[Bucket]) -> Iterator[dict[Bucket, list[AnonymousUser]]]:
        """Sign-in and login type of every hash of the buckets, some at a time; each perhaps more than once."""
        if not buckets:
            return
        wanted, count = set(buckets), buckets[0].count
        for keys in self._caches.keys(SERVER, database, PATTERN, self._scan_count):
            userids = [key.removeprefix(PREFIX) for key in keys]
            tokens = self._services.rows.tokens(userids)
            placed = {
                userid: bucket
                for userid, token in zip(userids, tokens, strict=True)
                if (bucket := Bucket.of(token, count)) in wanted
            }
            values = self._caches.hash_fields(SERVER, database, [hash_key(userid) for userid in placed], FIELDS)
            found: dict[Bucket, list[AnonymousUser]] = {}
            for userid, bucket in placed.items():
                fields = values.get(hash_key(userid))
                if fields is not None:
                    found.setdefault(bucket, []).append((userid, fields[0], fields[1]))
            yield found


def _groups(ids: Mapping[str, str], size: int) -> Iterator[dict[str, str]]:
    entries = iter(ids.items())
    while group := dict(islice(entries, size)):
        yield group


@contextmanager
def _timed(tally: Tally, stage: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        tally.spent(stage, time.perf_counter() - began)
