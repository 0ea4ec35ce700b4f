"""Documents of a real search cluster, as tests put them there and look at them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2

MOST = 10_000


class SearchDocuments:
    """The indices of one server."""

    def __init__(self, host_and_port: str) -> None:
        self._client = httpx2.Client(base_url=f"http://{host_and_port}", trust_env=False, timeout=30.0)

    def close(self) -> None:
        self._client.close()

    def give(self, index: str, document_id: str, document: object) -> None:
        """Puts a document there; makes the index where there is none."""
        self._client.put(_path(index, document_id), json=document).raise_for_status()

    def remove(self, index: str, document_id: str) -> None:
        """Removes a document that is there."""
        self._client.delete(_path(index, document_id)).raise_for_status()

    def drop(self, index: str) -> None:
        """Removes an index with its documents, if there is one."""
        self._client.delete(f"/{index}", params={"ignore_unavailable": "true"}).raise_for_status()

    def close_for_writes(self, index: str) -> None:
        """As an operator may do with an index that has to stay as it is."""
        self._client.put(f"/{index}/_settings", json={"index.blocks.write": True}).raise_for_status()

    def refreshes_only_when_asked(self, index: str) -> None:
        """Searches find what was put there before this, and then nothing new until somebody asks for it. Makes the
        index where there is none."""
        if not self.has(index):
            self._client.put(f"/{index}").raise_for_status()
        self._client.put(f"/{index}/_settings", json={"index.refresh_interval": "-1"}).raise_for_status()
        self._client.post(f"/{index}/_refresh").raise_for_status()

    def has(self, index: str) -> bool:
        """Whether there is such an index."""
        return self._client.head(f"/{index}").status_code == httpx2.codes.OK

    def of(self, index: str) -> dict[str, Any]:
        """Id → document, of everything that was put there before; empty where there is no such index."""
        if not self.has(index):
            return {}
        self._client.post(f"/{index}/_refresh").raise_for_status()
        found = self._client.get(f"/{index}/_search", params={"size": MOST}).raise_for_status().json()["hits"]
        assert found["total"]["value"] < MOST, "more documents than are read"
        return {hit["_id"]: hit["_source"] for hit in found["hits"]}


def _path(index: str, document_id: str) -> str:
    # A lone dot or two would be taken as directories.
    return f"/{index}/_doc/{quote(document_id, safe='') if document_id.strip('.') else '%2E' * len(document_id)}"
