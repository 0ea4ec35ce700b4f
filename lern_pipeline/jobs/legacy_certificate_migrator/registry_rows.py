"""Carries out the steps that the old registry's row goes through (contract legacy-certificate-migrator 4)."""

from __future__ import annotations

from typing import Any

from lern_pipeline.jobs.certificates.api_errors import SYSTEM_ERROR
from lern_pipeline.jobs.certificates.old_certificate import INDEX, old_registry_table
from lern_pipeline.microbatch.certificate_services import CallFailed, DocumentIndex
from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.microbatch.stores import RowStore
from lern_pipeline.settings import JobSettings

STARTED, UPDATED, REVOKED = "migration_started", "enrolment_updated", "revoked"

BEGINNING, ENDING = "migration begun", "migration ended"


class Beginning:
    """Step A. May be repeated."""

    def __init__(self, rows: RowStore, settings: JobSettings) -> None:
        self._rows = rows
        self._table = old_registry_table(settings)

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`."""
        self._rows.update_if_exists(self._table, {"id": effect.payload["identifier"]}, {"reason": STARTED})
        return Outcome("done")

    def look_up(self, effect: Effect) -> Outcome | None:
        """Never needed: it is done again."""
        return None


class Ending:
    """The end of step C, where the payload asks for it (``updated``), and step D. May be repeated."""

    def __init__(self, rows: RowStore, documents: DocumentIndex, settings: JobSettings) -> None:
        self._rows = rows
        self._documents = documents
        self._table = old_registry_table(settings)

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`. The state stays where something failed (D2)."""
        payload = effect.payload
        if payload["updated"]:
            self._set(payload["identifier"], reason=UPDATED)
        self._set(payload["old_id"], isrevoked=True)
        try:
            self._documents.delete(INDEX, payload["old_id"])
        except CallFailed as failed:
            return Outcome("failed", reason=f"search index: {failed}", code=SYSTEM_ERROR)
        self._set(payload["identifier"], reason=REVOKED)
        return Outcome("done")

    def look_up(self, effect: Effect) -> Outcome | None:
        """Never needed: it is done again."""
        return None

    def _set(self, certificate_id: str, **values: Any) -> None:
        self._rows.update_if_exists(self._table, {"id": certificate_id}, values)
