"""Doubles of what the certificate jobs ask of third parties; each writes what it did into the journal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from lern_pipeline.microbatch.certificate_services import CallFailed, CertificateServices, OldRegistryServices

Journal = list[str]


class InMemoryRegistry:
    """Sunbird RC: certificates that keep. ``before``, ``after``: by recipient, what happens before or after one is
    created."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.keys: list[Mapping[str, Any]] = [{"osid": "1-key"}]
        self.kept: dict[str, dict[str, Any]] = {}
        self.created: list[Mapping[str, Any]] = []
        self.before: dict[str, Callable[[], None]] = {}
        self.after: dict[str, Callable[[], None]] = {}
        self.answers_osid = True
        self.key_searches = 0
        self._lock = threading.Lock()

    def public_keys(self) -> list[Mapping[str, Any]]:
        self.key_searches += 1
        return self.keys

    def create(self, certificate: Mapping[str, Any]) -> str | None:
        recipient = certificate["recipient"]["id"]
        self.before.get(recipient, lambda: None)()
        with self._lock:
            osid = f"1-{len(self.kept) + 1}"
            self.kept[osid] = {"osid": osid, **certificate}
            self.created.append(certificate)
            self.journal.append(f"create {certificate['certificateLabel']}")
        self.after.get(recipient, lambda: None)()
        return osid if self.answers_osid else None

    def certificates(self, search: Mapping[str, Any], authorized: bool) -> list[Mapping[str, Any]]:
        self.journal.append("search")
        filters = {path: condition["eq"] for path, condition in search["filters"].items()}
        return [one for one in self.kept.values() if all(_at(one, path) == value for path, value in filters.items())]

    def delete(self, certificate_id: str) -> None:
        self.journal.append(f"delete {certificate_id}")
        if certificate_id not in self.kept:
            raise CallFailed(404)
        self.kept[certificate_id]["status"] = "DELETED"

    def close(self) -> None:
        """Nothing was opened."""


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


class InMemoryRequests:
    """A service that takes requests: notifications, or feed entries. ``refused``: raised for these users."""

    def __init__(self, name: str, journal: Journal) -> None:
        self.name = name
        self.journal = journal
        self.taken: list[dict[str, Any]] = []
        self.refused: dict[str, CallFailed] = {}

    def _take(self, request: Mapping[str, Any]) -> None:
        (user,) = request.get("recipientUserIds") or (request["userId"],)
        if user in self.refused:
            raise self.refused[user]
        self.journal.append(self.name)
        self.taken.append(dict(request))

    send = create = _take

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryDocuments:
    """The search cluster's indices."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.indices: dict[str, dict[str, Any]] = {}
        self.trouble: CallFailed | None = None

    def delete(self, index: str, document_id: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.journal.append(f"delete {index}")
        self.indices.get(index, {}).pop(document_id, None)

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryOldRegistry:
    """All that certificates of the old registry need."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.added: list[dict[str, Any]] = []
        self.objects: dict[str, bytes] = {}
        self.svg = "<svg>${recipientName} ${qrCodeImage}</svg>"
        self.refused: CallFailed | None = None

    def add(self, request: Mapping[str, Any]) -> None:
        if self.refused is not None:
            raise self.refused
        self.journal.append("old registry")
        self.added.append(dict(request))

    def sign(self, key_id: str, entity: Mapping[str, Any]) -> str:
        return f"signed with {key_id}"

    def download(self, address: str) -> str:
        self.journal.append(f"download {address}")
        return self.svg

    def png(self, content: str, caption: str) -> bytes:
        return f"{content} {caption}".encode()

    def put(self, key: str, content: bytes) -> None:
        self.journal.append("put")
        self.objects[key] = content

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryCertificates:
    """All of them."""

    def __init__(self, journal: Journal) -> None:
        self.registry = InMemoryRegistry(journal)
        self.notifications = InMemoryRequests("notification", journal)
        self.feed = InMemoryRequests("feed", journal)
        self.documents = InMemoryDocuments(journal)
        self.old = InMemoryOldRegistry(journal)

    @property
    def services(self) -> CertificateServices:
        return CertificateServices(
            self.registry, self.notifications, self.feed, self.documents, OldRegistryServices(*[self.old] * 5)
        )
