"""What the certificate jobs ask of third parties, as protocols: clients are handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class CallFailed(Exception):
    """A call that did not end as it should; its text tells no personal data.

    ``status``: of the answer, None where none came. ``is_outage``: lost connection, time-out, 429 or 5xx: later it may
    work. ``certain``: certainly nothing was done.
    """

    def __init__(self, status: int | None, reason: str = "", is_outage: bool = False, certain: bool = True) -> None:
        self.status = status
        self.reason = reason
        self.is_outage = is_outage
        self.certain = certain
        super().__init__(reason or f"answered {status}")


class CertificateRegistry(Protocol):
    """Sunbird RC (contract collection-certificate-generator 7).

    Searches and deletes are repeated in an outage, a create never. All calls raise :class:`CallFailed`, and
    ConfigurationError for 401 and 403.
    """

    def close(self) -> None:
        """Close what was opened."""
        ...

    def public_keys(self) -> list[Mapping[str, Any]]:
        """All keys, in the answer's order (7.2)."""
        ...

    def create(self, certificate: Mapping[str, Any]) -> str | None:
        """The certificate's ``osid``; None where the answer has none (7.3, decisions 10)."""
        ...

    def certificates(self, search: Mapping[str, Any], authorized: bool) -> list[Mapping[str, Any]]:
        """What the search finds; 404 is nothing. ``authorized``: with the API key."""
        ...

    def delete(self, certificate_id: str) -> None:
        """Mark it as deleted (7.1). Here 401 and 403 are CallFailed too."""
        ...


class Notifications(Protocol):
    """The notification API (contract collection-certificate-generator 11.1)."""

    def close(self) -> None:
        """Close what was opened."""
        ...

    def send(self, request: Mapping[str, Any]) -> None:
        """Ask for one notification, at most once.

        Raises:
            CallFailed: any answer but 200, or none.
        """
        ...


class UserFeed(Protocol):
    """The user feed API (contract collection-certificate-generator 11.2)."""

    def close(self) -> None:
        """Close what was opened."""
        ...

    def create(self, request: Mapping[str, Any]) -> None:
        """Add one entry to a feed, at most once.

        Raises:
            CallFailed: any answer but 200, or none.
        """
        ...


class DocumentIndex(Protocol):
    """The search cluster's documents (platform contract 9)."""

    def close(self) -> None:
        """Close what was opened."""
        ...

    def delete(self, index: str, document_id: str) -> None:
        """Delete a document; one that is not there is no error.

        Raises:
            CallFailed: refused, or no answer after the retries.
        """
        ...


class Signing(Protocol):
    """The encryption service (contract collection-certificate-generator 13 step 2)."""

    def close(self) -> None:
        """Close what was opened."""
        ...

    def sign(self, key_id: str, entity: Mapping[str, Any]) -> str:
        """The signature's value.

        Raises:
            CallFailed: refused, no answer, or an answer without it.
        """
        ...


class SvgTemplates(Protocol):
    """Templates at any address (13 step 4)."""

    def close(self) -> None:
        """Close what was opened."""
        ...

    def download(self, address: str) -> str:
        """The template's text.

        Raises:
            CallFailed: no such thing, or no answer.
            ConfigurationError: an address that cannot be asked.
        """
        ...


class QrCodes(Protocol):
    """Draws QR codes (13 step 3)."""

    def png(self, content: str, caption: str) -> bytes:
        """The code with its caption below, as PNG."""
        ...


class CertificateStorage(Protocol):
    """Where certificates are kept as JSON (13 step 5)."""

    def put(self, key: str, content: bytes) -> None:
        """Keep an object, in place of an earlier one.

        Raises:
            CallFailed: the storage did not take it.
            ConfigurationError: there is no usable storage.
        """
        ...


class OldRegistry(Protocol):
    """The cert-registry service (13 step 6)."""

    def close(self) -> None:
        """Close what was opened."""
        ...

    def add(self, request: Mapping[str, Any]) -> None:
        """Register a certificate; the same id again is the same certificate.

        Raises:
            CallFailed: any answer but 200, or none.
        """
        ...


@dataclass(slots=True)
class OldRegistryServices:
    """All that certificates of the old registry need."""

    registry: OldRegistry
    signing: Signing
    templates: SvgTemplates
    qr_codes: QrCodes
    storage: CertificateStorage

    def close(self) -> None:
        """Close whatever was opened."""
        self.registry.close()
        self.signing.close()
        self.templates.close()


@dataclass(slots=True)
class CertificateServices:
    """All of them."""

    registry: CertificateRegistry
    notifications: Notifications
    feed: UserFeed
    documents: DocumentIndex
    old: OldRegistryServices

    def close(self) -> None:
        """Close whatever was opened."""
        self.registry.close()
        self.notifications.close()
        self.feed.close()
        self.documents.close()
        self.old.close()
