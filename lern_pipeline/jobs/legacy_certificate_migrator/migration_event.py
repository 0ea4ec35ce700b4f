"""Which events count (contract legacy-certificate-migrator 3, 7)."""

from __future__ import annotations

from typing import Any

import msgspec

from lern_pipeline.events.validation import InvalidEvent, required_id
from lern_pipeline.jobs.certificates.request import CertificateRequest, Submitted, submitted


class Migration(msgspec.Struct):
    """``identifier``: of the old registry's row, whose ``reason`` is the state."""

    identifier: str
    request: CertificateRequest


class SubmittedMigration(msgspec.Struct):
    """See :class:`Submitted`."""

    submitted: Submitted
    identifier: str = ""

    def checked(self, suppress: bool) -> Migration:
        """The migration.

        Raises:
            InvalidEvent: it cannot be used.
        """
        return Migration(self.identifier, self.submitted.checked(suppress))


def migration_event(members: dict[str, Any]) -> SubmittedMigration:
    """The migration that the event asks for.

    Raises:
        InvalidEvent: it cannot be used.
    """
    found = submitted(members)
    if found.request is None:
        return SubmittedMigration(found)
    identifier = required_id(members["edata"], "identifier")
    if not found.request.old_id:
        raise InvalidEvent("edata.oldId is missing")
    return SubmittedMigration(found, identifier)
