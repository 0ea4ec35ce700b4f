"""Named doubles of what a micro-batch talks to, with the semantics that matter: write times, types, offsets.

Every double writes what it did into one journal, so that a test can see the order across stores.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lern_pipeline.microbatch.channels import Channels
from lern_pipeline.microbatch.services import Services
from lern_pipeline_tests.microbatch.batch_ownership_doubles import InMemoryBatchOwnership
from lern_pipeline_tests.microbatch.broker_in_memory import InMemoryBroker
from lern_pipeline_tests.microbatch.caches_in_memory import InMemoryCaches
from lern_pipeline_tests.microbatch.certificate_doubles import InMemoryCertificates
from lern_pipeline_tests.microbatch.channels_in_memory import InMemoryChannels
from lern_pipeline_tests.microbatch.documents_in_memory import InMemoryDocuments
from lern_pipeline_tests.microbatch.journal import Journal
from lern_pipeline_tests.microbatch.ledger_in_memory import InMemoryLedger
from lern_pipeline_tests.microbatch.logins_in_memory import InMemoryLogins
from lern_pipeline_tests.microbatch.readers_in_memory import (
    InMemoryAccounts,
    InMemoryCollections,
    InMemoryContents,
    InMemoryDirectory,
    InMemoryUsers,
)
from lern_pipeline_tests.microbatch.rows_in_memory import InMemoryRows


@dataclass
class InMemoryWorld:
    """All doubles of one installation, on one journal."""

    journal: Journal = field(default_factory=list)
    rows: InMemoryRows = field(init=False)
    caches: InMemoryCaches = field(init=False)
    collections: InMemoryCollections = field(init=False)
    contents: InMemoryContents = field(init=False)
    users: InMemoryUsers = field(init=False)
    broker: InMemoryBroker = field(init=False)
    ledger: InMemoryLedger = field(init=False)
    channels: InMemoryChannels = field(init=False)
    directory: InMemoryDirectory = field(init=False)
    certificates: InMemoryCertificates = field(init=False)
    documents: InMemoryDocuments = field(init=False)
    ownership: InMemoryBatchOwnership = field(init=False)
    accounts: InMemoryAccounts = field(init=False)
    logins: InMemoryLogins = field(init=False)

    def __post_init__(self) -> None:
        self.rows = InMemoryRows(self.journal)
        self.caches = InMemoryCaches(self.journal)
        self.collections = InMemoryCollections()
        self.contents = InMemoryContents()
        self.users = InMemoryUsers()
        self.broker = InMemoryBroker(self.journal)
        self.ledger = InMemoryLedger(self.journal)
        self.channels = InMemoryChannels(self.journal)
        self.directory = InMemoryDirectory()
        self.certificates = InMemoryCertificates(self.journal)
        self.documents = InMemoryDocuments(self.journal)
        self.ownership = InMemoryBatchOwnership(self.journal)
        self.accounts = InMemoryAccounts()
        self.logins = InMemoryLogins(self.journal)

    @property
    def services(self) -> Services:
        return Services(
            self.rows,
            self.caches,
            self.collections,
            self.contents,
            self.users,
            self.broker,
            self.ledger,
            Channels(self.channels.sms, self.channels.mail, self.channels.push),
            self.directory,
            self.certificates.services,
            self.documents,
            self.ownership.services,
            self.accounts,
            self.logins,
        )
