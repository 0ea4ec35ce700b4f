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


@dataclass(slots=True)
class CertificateServices:
    """All of them."""

    registry: CertificateRegistry
    notifications: Notifications
    feed: UserFeed
    documents: DocumentIndex

    def close(self) -> None:
        """Close whatever was opened."""
        self.registry.close()
        self.notifications.close()
        self.feed.close()
        self.documents.close()
