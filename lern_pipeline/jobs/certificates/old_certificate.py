"""Removes the certificate that a re-issue has replaced (contract collection-certificate-generator 6 step 1, 7.1, 8)."""

from __future__ import annotations

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.certificate_services import CallFailed, CertificateRegistry, DocumentIndex
from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.microbatch.stores import RowStore
from lern_pipeline.settings import JobSettings

REMOVAL = "old certificate"
INDEX = "certs"


def old_registry_table(settings: JobSettings) -> str:
    return f"{settings.text('lms-cassandra.sbkeyspace')}.{settings.text('lms-cassandra.certreg.table')}"


class OldCertificates:
    """Deletes in RC; what RC does not delete is a certificate of the old registry. May be repeated."""

    def __init__(
        self, registry: CertificateRegistry, rows: RowStore, documents: DocumentIndex, settings: JobSettings
    ) -> None:
        self._registry = registry
        self._rows = rows
        self._documents = documents
        self._table = old_registry_table(settings)

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`. What fails is told and stops nothing."""
        certificate_id = effect.payload["id"]
        try:
            self._registry.delete(certificate_id)
        except CallFailed as failed:
            if failed.status is None:
                return Outcome("failed", reason=str(failed))
            return self._clean_up(certificate_id)
        return Outcome("done")

    def look_up(self, effect: Effect) -> Outcome | None:
        """Never needed: it is done again."""
        return None

    def _clean_up(self, certificate_id: str) -> Outcome:
        """Row and document, each whatever becomes of the other (D6)."""
        troubles = []
        try:
            self._rows.delete_if_exists(self._table, {"id": certificate_id})
        except ServiceUnavailable as error:
            troubles.append(str(error))
        try:
            self._documents.delete(INDEX, certificate_id)
        except CallFailed as failed:
            troubles.append(f"search index: {failed}")
        return Outcome("failed", reason="; ".join(troubles)) if troubles else Outcome("done")
