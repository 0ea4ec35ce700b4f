"""Everything that a run talks to; clients are handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lern_pipeline.events.record import Record, RecordWithHeaders
from lern_pipeline.microbatch.account_reads import AccountReader
from lern_pipeline.microbatch.batch_ownership import CourseBatchSearch, CourseBatchServices, OrganisationMembers
from lern_pipeline.microbatch.certificate_services import CertificateServices
from lern_pipeline.microbatch.channels import Channels
from lern_pipeline.microbatch.effects import EffectLedger
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.login_accounts import LoginAccounts
from lern_pipeline.microbatch.plan import Message
from lern_pipeline.microbatch.service_readers import CollectionStatusReader, ContentReader, UserReader
from lern_pipeline.microbatch.stores import (
    CacheReader,
    CacheStore,
    Client,
    DocumentReader,
    DocumentStore,
    RowReader,
    RowStore,
)
from lern_pipeline.microbatch.user_directory import UserDirectory


class Broker(Client, Protocol):
    """Kafka as the engine uses it inside a run."""

    def read(self, topic: str, key: MicroBatchKey) -> list[Record]:
        """Exactly the records of the key's ranges, ordered by partition and offset.

        Raises:
            RecordsExpired: the log no longer has the beginning of a range.
            ServiceUnavailable: no answer in time.
        """
        ...

    def read_with_headers(self, topic: str, key: MicroBatchKey) -> list[RecordWithHeaders]:
        """As :meth:`read`, of a topic whose headers tell something."""
        ...

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish with acks=all and wait for every acknowledgement. Missing topics are made."""
        ...

    def commit(self, topic: str, group: str, positions: Mapping[int, int]) -> str | None:
        """Commit the group's offsets, for lag tools. Returns a warning where the broker refused."""
        ...


class RecordsExpired(RuntimeError):
    """Kafka no longer has the records of a range."""


@dataclass(slots=True)
class Readers:
    """What a job may read its state from."""

    rows: RowReader
    caches: CacheReader
    collections: CollectionStatusReader
    contents: ContentReader
    users: UserReader
    directory: UserDirectory
    documents: DocumentReader
    members: OrganisationMembers
    batches: CourseBatchSearch
    accounts: AccountReader


@dataclass(slots=True)
class Services:
    """Everything a run talks to. ``counts``: what was asked of the stores (statements, round trips…)."""

    rows: RowStore
    caches: CacheStore
    collections: CollectionStatusReader
    contents: ContentReader
    users: UserReader
    broker: Broker
    ledger: EffectLedger
    channels: Channels
    directory: UserDirectory
    certificates: CertificateServices
    documents: DocumentStore
    course_batches: CourseBatchServices
    accounts: AccountReader
    logins: LoginAccounts
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def readers(self) -> Readers:
        return Readers(
            self.rows,
            self.caches,
            self.collections,
            self.contents,
            self.users,
            self.directory,
            self.documents,
            self.course_batches.members,
            self.course_batches.search,
            self.accounts,
        )

    def close(self) -> None:
        """Close whatever was opened."""
        clients: tuple[Client, ...] = (
            self.rows,
            self.caches,
            self.collections,
            self.contents,
            self.users,
            self.directory,
            self.certificates,
            self.documents,
            self.course_batches,
            self.accounts,
            self.logins,
            self.broker,
            self.channels,
        )
        for client in clients:
            client.close()
