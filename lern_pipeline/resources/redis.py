"""Redis: bulk reads by pipeline, writes in transactions (platform contract 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthorizationError, ClusterDownError
from redis.retry import Retry

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.crash_points import crash_point
from lern_pipeline.microbatch.plan import CacheChange, CacheWrites, DeleteKey, ReplaceSet, UpdateHash
from lern_pipeline.microbatch.stores import HashChanges, WrongType
from lern_pipeline.resources.outage import one_line, until_answered
from lern_pipeline.settings import JobSettings

Command = tuple[str | int, ...]
T = TypeVar("T")

# A replica that is not yet the master, a cluster without a quorum: over in a moment, like a lost connection.
OUTAGE = (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, ClusterDownError)

# What Redis says of a key of another type: the only error that is an answer.
WRONG_TYPE = "WRONGTYPE"

# Keys asked for, and commands sent, in one round trip.
ROUND_TRIP = 1000

# How often a key that somebody else keeps writing is looked at again.
ATTEMPTS_AT_ONE_KEY = 50


class RedisServers:
    """The Redis servers of one configuration, by setting prefix (``redis``, ``redis-meta``, ``dp-redis``…)."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._clients: dict[tuple[str, int], Any] = {}
        self._outage_seconds = settings.number("outage.timeout.seconds")

    def close(self) -> None:
        """Close all connections; the next use connects again."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def sets(self, server: str, database: int, keys: Iterable[str]) -> dict[str, frozenset[str]]:
        """See :class:`lern_pipeline.microbatch.stores.CacheReader`."""
        read = self.members(server, database, keys)
        # A key of another type is as good as none: the job sees no set, and says so.
        return {key: frozenset() if members is WrongType.WRONG_TYPE else members for key, members in read.items()}

    def members(self, server: str, database: int, keys: Iterable[str]) -> dict[str, frozenset[str] | WrongType]:
        """See :class:`lern_pipeline.microbatch.stores.CacheReader`."""
        found: dict[str, frozenset[str] | WrongType] = {}
        for key, answer in self._read(server, database, "SMEMBERS", keys):
            if answer is not WrongType.WRONG_TYPE:
                answer = frozenset(member.decode(errors="replace") for member in answer)
            found[key] = answer
        self.counts["redis.set_reads"] += len(found)
        self.counts["redis.set_misses"] += sum(1 for members in found.values() if not members)
        return found

    def texts(self, server: str, database: int, keys: Iterable[str]) -> dict[str, str | WrongType | None]:
        """See :class:`lern_pipeline.microbatch.stores.CacheReader`."""
        found: dict[str, str | WrongType | None] = {}
        for key, answer in self._read(server, database, "GET", keys):
            found[key] = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
        self.counts["redis.text_reads"] += len(found)
        return found

    def hashes(self, server: str, database: int, keys: Iterable[str]) -> dict[str, dict[str, str] | WrongType]:
        """See :class:`lern_pipeline.microbatch.stores.CacheReader`."""
        found: dict[str, dict[str, str] | WrongType] = {}
        for key, answer in self._read(server, database, "HGETALL", keys):
            if answer is not WrongType.WRONG_TYPE:
                answer = {
                    name.decode(errors="replace"): value.decode(errors="replace")
                    for name, value in _pairs(answer).items()
                }
            found[key] = answer
        self.counts["redis.hash_reads"] += len(found)
        return found

    def existing(self, server: str, database: int, keys: Iterable[str]) -> set[str]:
        """See :class:`lern_pipeline.microbatch.stores.CacheReader`."""
        found: set[str] = set()
        for chunk in _chunks(list(dict.fromkeys(keys))):
            answers = self._pipeline(server, database, [("EXISTS", key) for key in chunk])
            found.update(key for key, answer in zip(chunk, answers, strict=True) if answer == 1)
            self.counts["redis.exists"] += len(chunk)
        return found

    def apply(self, writes: CacheWrites) -> None:
        """Carry out all transactions in order, each with MULTI/EXEC.

        Raises:
            ServiceUnavailable: no answer in time; what was written so far may be written again.
        """
        for transaction in writes.transactions:
            commands = [command for change in transaction for command in _commands(change)]
            self._pipeline(writes.server, writes.database, commands, transaction=True)
            self.counts["redis.keys_written"] += len(transaction)
            crash_point("between-transactions")

    def change_hashes(self, server: str, database: int, keys: Sequence[str], changes: HashChanges) -> None:
        """See :class:`lern_pipeline.microbatch.stores.CacheStore`."""
        for chunk in _chunks(list(dict.fromkeys(keys))):
            self._change_watched(server, database, chunk, changes)

    def _change_watched(self, server: str, database: int, keys: list[str], changes: HashChanges) -> None:
        for _ in range(ATTEMPTS_AT_ONE_KEY if len(keys) == 1 else 1):
            if self._changed(server, database, keys, changes):
                return
        self.counts["redis.conflicts"] += 1
        if len(keys) == 1:
            host, port = self._settings.address(server)
            raise ServiceUnavailable("Redis", f"{host}:{port}", "a key does not come to rest")
        middle = len(keys) // 2
        for half in (keys[:middle], keys[middle:]):
            self._change_watched(server, database, half, changes)

    def _changed(self, server: str, database: int, keys: list[str], changes: HashChanges) -> bool:
        """False if somebody touched one of the keys meanwhile: nothing is changed then."""

        def attempt(client: Any) -> bool:
            with client.pipeline(transaction=True) as pipe:
                pipe.watch(*keys)
                # On another connection, since a watching one has no pipeline: it is later, and that is what counts.
                planned = changes(self.hashes(server, database, keys))
                if not planned:
                    return True
                pipe.multi()
                for change in planned:
                    for command in _commands(change):
                        pipe.execute_command(*command)
                try:
                    pipe.execute()
                except redis.WatchError:
                    return False
                self.counts["redis.keys_written"] += len(planned)
                return True

        return self._answered(server, database, attempt)

    def keys(self, server: str, database: int, pattern: str, count: int) -> Iterator[list[str]]:
        """See :class:`lern_pipeline.microbatch.stores.CacheStore`."""
        cursor = 0
        while True:
            cursor, found = self._answered(server, database, partial(_scan, cursor=cursor, match=pattern, count=count))
            # A key that is no text is nobody's whom a job could know.
            keys = [text for key in found if (text := _text(key)) is not None]
            for start in range(0, len(keys), ROUND_TRIP):
                yield keys[start : start + ROUND_TRIP]
            if cursor == 0:
                return

    def random_keys(self, server: str, database: int, count: int) -> set[str]:
        """See :class:`lern_pipeline.microbatch.stores.CacheStore`."""
        answers = self._pipeline(server, database, [("RANDOMKEY",)] * count)
        return {text for key in answers if key is not None and (text := _text(key)) is not None}

    def hash_fields(
        self, server: str, database: int, keys: Iterable[str], fields: Sequence[str]
    ) -> dict[str, tuple[str | None, ...]]:
        """See :class:`lern_pipeline.microbatch.stores.CacheStore`."""
        found: dict[str, tuple[str | None, ...]] = {}
        for chunk in _chunks(list(dict.fromkeys(keys))):
            answers = self._pipeline(server, database, [("HMGET", key, *fields) for key in chunk])
            for key, answer in zip(chunk, answers, strict=True):
                if not isinstance(answer, redis.ResponseError):
                    found[key] = tuple(None if value is None else value.decode(errors="replace") for value in answer)
        self.counts["redis.hash_reads"] += len(found)
        return found

    def _answered(self, server: str, database: int, ask: Callable[[Any], T]) -> T:
        """``ask(client)``, tried again while Redis does not answer, for a bounded time."""
        host, port = self._settings.address(server)
        where = f"{host}:{port}"

        def attempt() -> T:
            try:
                return ask(self._client(server, database))
            except (redis.AuthenticationError, AuthorizationError) as error:
                raise _refused(where, error) from error
            except OUTAGE:
                raise
            except redis.ResponseError as error:
                raise _refused(where, error) from error

        self.counts["redis.round_trips"] += 1
        return until_answered(attempt, "Redis", where, OUTAGE, self._outage_seconds)

    def _read(self, server: str, database: int, command: str, keys: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """The answer for each distinct key, :class:`WrongType` among them."""
        for chunk in _chunks(list(dict.fromkeys(keys))):
            for key, answer in zip(
                chunk, self._pipeline(server, database, [(command, key) for key in chunk]), strict=True
            ):
                # Any other error has been raised by now.
                yield key, WrongType.WRONG_TYPE if isinstance(answer, redis.ResponseError) else answer

    def _pipeline(
        self, server: str, database: int, commands: Sequence[Command], transaction: bool = False
    ) -> Sequence[Any]:
        host, port = self._settings.address(server)
        where = f"{host}:{port}"

        def attempt() -> Sequence[Any]:
            try:
                with self._client(server, database).pipeline(transaction=transaction) as pipe:
                    for command in commands:
                        pipe.execute_command(*command)
                    answers: Sequence[Any] = pipe.execute(raise_on_error=transaction)
                for answer in answers:
                    if isinstance(answer, redis.RedisError) and not str(answer).startswith(WRONG_TYPE):
                        raise answer
            except (redis.AuthenticationError, AuthorizationError) as error:
                raise _refused(where, error) from error
            except OUTAGE:
                raise
            except redis.ResponseError as error:
                raise _refused(where, error) from error
            return answers

        self.counts["redis.round_trips"] += 1
        return until_answered(attempt, "Redis", where, OUTAGE, self._outage_seconds)

    def _client(self, server: str, database: int) -> Any:
        client = self._clients.get((server, database))
        if client is None:
            host, port = self._settings.address(server)
            timeout = self._settings.integer("redisdb.connection.timeout") / 1000
            tls: dict[str, Any] = {}
            if self._settings.flag(f"{server}.ssl.enabled"):
                tls = {"ssl": True, "ssl_ca_certs": self._settings.optional_text(f"{server}.ssl.cafile") or None}
            client = redis.Redis(
                host=host,
                port=port,
                db=database,
                username=self._settings.optional_text(f"{server}.username") or None,
                password=self._settings.optional_text(f"{server}.password") or None,
                socket_timeout=timeout,
                socket_connect_timeout=min(timeout, 10.0),
                # Trying again is done in one place, bounded by time.
                retry=Retry(NoBackoff(), 0),
                **tls,
            )
            self._clients[server, database] = client
        return client


def _refused(where: str, error: Exception) -> ConfigurationError:
    """An error that another attempt would meet again, without the command and its values."""
    return ConfigurationError(f"Redis at {where} refuses: {one_line(error).rpartition('caused error: ')[2]}")


def _scan(client: Any, cursor: int, match: str, count: int) -> tuple[int, list[bytes]]:
    found: tuple[int, list[bytes]] = client.scan(cursor, match=match, count=count)
    return found


def _text(key: bytes) -> str | None:
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None


def _pairs(answer: Any) -> dict[bytes, bytes]:
    """As a dict, whatever the protocol and the client make of it."""
    return answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))


def _commands(change: CacheChange) -> list[Command]:
    if isinstance(change, UpdateHash):
        removed: list[Command] = [("HDEL", change.key, *change.removed)] if change.removed else []
        values = [part for pair in change.fields.items() for part in pair]
        return [*removed, ("HSET", change.key, *values)] if values else removed
    if isinstance(change, ReplaceSet):
        return [("DEL", change.key), ("SADD", change.key, *change.members)]
    if isinstance(change, DeleteKey):
        return [("DEL", change.key)]
    if change.expiry is None:
        return [("SET", change.key, change.value)]
    return [("SETEX", change.key, change.expiry, change.value)]


def _chunks(keys: list[str]) -> Iterable[list[str]]:
    return (keys[start : start + ROUND_TRIP] for start in range(0, len(keys), ROUND_TRIP))
