"""MongoDB: bulk reads, and updates in one bulk write per collection (contracts ml-user-delete 4, ml-transfer-ownership
4)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from bson import json_util
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import MongoClient, UpdateMany, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WTimeoutError,
)
from pymongo.errors import (
    ConfigurationError as UnusableAddress,
)

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.plan import DocumentUpdate, DocumentUpdates
from lern_pipeline.microbatch.stores import Refusal
from lern_pipeline.resources.outage import until_answered
from lern_pipeline.settings import JobSettings

T = TypeVar("T")


class _NotNow(Exception):
    """A bulk write that may well work in a moment; the text holds error codes only."""


# Elections and lost connections are connection failures to pymongo: over in a moment.
OUTAGE = (ConnectionFailure, ExecutionTimeout, WaitQueueTimeoutError, WTimeoutError, _NotNow)

# Authentication failed, unauthorized: another attempt would meet them again.
REFUSED_LOGIN = frozenset({13, 18})

# Two upserts of one document at the same moment: the second attempt finds it.
DUPLICATE_KEY = 11000

# Seconds for one connection, and to find a server that can be written to.
CONNECT_SECONDS = 5.0

# Values in one `$in`.
VALUES_AT_ONCE = 1000

# Any time that BSON can hold, also beyond Python's years.
_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)


class Mongo:
    """The MongoDB servers of one configuration, by setting prefix (``ml-mongo``)."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._clients: dict[str, MongoClient[dict[str, Any]]] = {}
        self._outage_seconds = settings.number("outage.timeout.seconds")

    def close(self) -> None:
        """Close all connections; the next use connects again."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def find(
        self, server: str, collection: str, member: str, values: Iterable[Any], members: Sequence[str]
    ) -> list[dict[str, Any]]:
        """See :class:`lern_pipeline.microbatch.stores.DocumentReader`.

        Raises:
            ServiceUnavailable: no answer in time.
            ConfigurationError: the server refuses the login or the read.
        """
        projection = {"_id": False, **dict.fromkeys(members, True)}
        found: list[dict[str, Any]] = []
        for some in _chunks(_distinct(values)):
            wanted = {member: {"$in": [_bson(value) for value in some]}}

            def read(wanted: dict[str, Any] = wanted) -> list[dict[str, Any]]:
                return list(self._collection(server, collection).find(wanted, projection))

            found += [_extended(document) for document in self._answered(server, read)]
            self.counts["mongo.finds"] += 1
        self.counts["mongo.documents_read"] += len(found)
        return found

    def apply(self, updates: DocumentUpdates) -> list[Refusal]:
        """See :class:`lern_pipeline.microbatch.stores.DocumentStore`.

        Raises:
            ServiceUnavailable: no answer in time.
            ConfigurationError: the server refuses the login or the write.
        """
        return self._apply(updates, _distinct(value for update in updates.updates for value in update.values))

    def _apply(self, updates: DocumentUpdates, values: Sequence[Any]) -> list[Refusal]:
        """The updates of these values. Where one is refused, those of either half: somebody's odd document is nobody
        else's business."""
        reason = self._bulk_write(updates, list(_restricted(updates.updates, values)))
        if reason is None:
            return []
        if len(values) == 1:
            return [Refusal(updates.collection, values[0], reason)]
        middle = len(values) // 2
        return [*self._apply(updates, values[:middle]), *self._apply(updates, values[middle:])]

    def _bulk_write(self, updates: DocumentUpdates, some: Sequence[DocumentUpdate]) -> str | None:
        """Why the server refuses; None when all is done."""
        requests = [request for update in some for request in _requests(update)]

        def write() -> Mapping[str, Any] | str:
            try:
                collection = self._collection(updates.server, updates.collection)
                return collection.bulk_write(requests, ordered=True).bulk_api_result
            except BulkWriteError as error:
                return _refusal(error)

        outcome = self._answered(updates.server, write)
        self.counts["mongo.bulk_writes"] += 1
        if isinstance(outcome, str):
            return outcome
        inserted = outcome["nUpserted"]
        for counter in ("mongo", f"mongo.{updates.collection}"):
            self.counts[f"{counter}.matched"] += outcome["nMatched"]
            self.counts[f"{counter}.modified"] += outcome["nModified"] + inserted
        return None

    def _answered(self, server: str, call: Callable[[], T]) -> T:
        where = self._where(server)

        def attempt() -> T:
            try:
                return call()
            except OUTAGE:
                raise
            except (UnusableAddress, InvalidURI, ValueError) as error:
                raise ConfigurationError(f"{server}.uri cannot be used: {type(error).__name__}") from None
            except OperationFailure as error:
                what = "refuses the login" if error.code in REFUSED_LOGIN else "refuses"
                # Its text may quote the command and its values.
                raise ConfigurationError(f"MongoDB at {where} {what}: error code {error.code}") from None
            except PyMongoError as error:
                raise ConfigurationError(f"MongoDB at {where}: {type(error).__name__}") from None

        return until_answered(attempt, "MongoDB", where, OUTAGE, self._outage_seconds)

    def _where(self, server: str) -> str:
        """For people; an address with credentials is not shown."""
        if self._settings.optional_text(f"{server}.uri"):
            return f"the address of {server}.uri"
        host, port = self._settings.address(server)
        return f"{host}:{port}"

    def _collection(self, server: str, name: str) -> Collection[dict[str, Any]]:
        client = self._clients.get(server)
        if client is None:
            host, port = self._settings.address(server)
            wait = min(CONNECT_SECONDS, self._outage_seconds) * 1000
            client = MongoClient(
                self._settings.optional_text(f"{server}.uri") or f"mongodb://{host}:{port}",
                serverSelectionTimeoutMS=wait,
                connectTimeoutMS=wait,
                socketTimeoutMS=self._outage_seconds * 1000,
                appname="lern-pipeline",
                # Trying again is done in one place, bounded by time.
                retryReads=False,
                retryWrites=False,
            )
            self._clients[server] = client
        return client[self._settings.text(f"{server}.database")].get_collection(name, codec_options=_OPTIONS)


def _requests(update: DocumentUpdate) -> Iterator[UpdateMany | UpdateOne]:
    for some in _chunks(update.values):
        values = [_bson(value) for value in some]
        wanted = {update.member: values[0] if len(values) == 1 else {"$in": values}, **_bson(update.where)}
        change, array_filters = _bson(update.change), _bson(update.array_filters) or None
        if update.insert:
            yield UpdateOne(wanted, change, upsert=True, array_filters=array_filters)
        else:
            yield UpdateMany(wanted, change, array_filters=array_filters)


def _refusal(error: BulkWriteError) -> str:
    """The code of what the server refuses; its text quotes the document.

    Raises:
        _NotNow: what another attempt may well do.
    """
    codes = [one.get("code") for one in (error.details or {}).get("writeErrors", ())]
    if not codes or DUPLICATE_KEY in codes:
        raise _NotNow(f"error codes {codes or 'of the write concern'}") from None
    return f"error code {codes[0]}"


def _restricted(updates: Sequence[DocumentUpdate], values: Sequence[Any]) -> Iterator[DocumentUpdate]:
    """What the updates do for these values, in their order."""
    wanted = {json.dumps(value) for value in values}
    for update in updates:
        some = [value for value in update.values if json.dumps(value) in wanted]
        if some:
            yield msgspec.structs.replace(update, values=some)


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Ids and extended JSON, in their order."""
    return list({json.dumps(value): value for value in values}.values())


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + VALUES_AT_ONCE] for start in range(0, len(values), VALUES_AT_ONCE))


def _extended(document: Mapping[str, Any]) -> dict[str, Any]:
    """Canonical extended JSON: nothing is lost on the way back."""
    extended: dict[str, Any] = json.loads(json_util.dumps(document, json_options=json_util.CANONICAL_JSON_OPTIONS))
    return extended


def _bson(value: Any) -> Any:
    """From extended JSON."""
    if isinstance(value, dict):
        return json_util.object_hook(
            {name: _bson(member) for name, member in value.items()}, json_util.CANONICAL_JSON_OPTIONS
        )
    return [_bson(item) for item in value] if isinstance(value, list) else value
