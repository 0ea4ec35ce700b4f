"""Worlds of every job, those too that need servers of their own: third-party services and a mail server."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline_tests.faults.issuance_world import IssuanceWorld
from lern_pipeline_tests.faults.job_world import JobWorld
from lern_pipeline_tests.faults.migration_world import MigrationWorld
from lern_pipeline_tests.faults.notification_world import NotificationWorld
from lern_pipeline_tests.faults.ownership_world import OwnershipWorld
from lern_pipeline_tests.third_party.mail_server import MailServer
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.batch_search import BatchSearch
from lern_pipeline_tests.third_party.services.certificate_registry import CertificateRegistry
from lern_pipeline_tests.third_party.services.user_organisation import UserOrganisation

#: The worlds that only :class:`OutsideServices` can make.
WORLDS_WITH_SERVICES: dict[str, type[JobWorld]] = {
    world.job.name: world for world in (IssuanceWorld, MigrationWorld, NotificationWorld, OwnershipWorld)
}


class OutsideServices:
    """The servers and the worlds that were made on them, from `with` to its end."""

    def __init__(self) -> None:
        self._ends = ExitStack()
        self._server = ThirdParty([CertificateRegistry(), UserOrganisation(), BatchSearch()])
        self._mail = MailServer()

    def __enter__(self) -> OutsideServices:
        self._ends.enter_context(self._server)
        self._ends.enter_context(self._mail)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def world(
        self, kind: type[JobWorld], addresses: StackAddresses, directory: Path, events: int, batch_size: int
    ) -> JobWorld:
        """A world of that kind on the servers that it needs."""
        made: JobWorld
        if issubclass(kind, NotificationWorld):
            made = kind(addresses, directory, events, batch_size, self._mail)
        elif issubclass(kind, IssuanceWorld | MigrationWorld | OwnershipWorld):
            made = kind(addresses, directory, events, batch_size, self._server)
        else:
            made = kind(addresses, directory, events, batch_size)
        self._ends.callback(made.close)
        return made
