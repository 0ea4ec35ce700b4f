"""Solutions or programs on their way from owner to owner within one batch (contract 3.1, 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lern_pipeline.jobs.ml_transfer_ownership.transfer_event import Transfer


@dataclass(slots=True)
class Asset:
    """Where it was before the batch, where it is now, and the first name to be shown, if any transfer has one."""

    id: Any
    owner_before: str
    owner: str
    first_name: str = ""
    is_moved: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """Assets that go the same way. Found by id and by the owner before: whatever is repeated moves nothing twice."""

    ids: list[Any]
    owner_before: str
    owner: str
    first_name: str


class Assets:
    """The assets of one collection that the batch's transfers may concern; ``owner``: the member that names it."""

    def __init__(self, documents: list[dict[str, Any]], owner: str) -> None:
        self._assets: dict[str, Asset] = {}
        self._of: dict[str, set[str]] = {}
        for document in documents:
            name = document.get(owner)
            if isinstance(name, str):
                key = json.dumps(document["_id"])
                self._assets[key] = Asset(document["_id"], name, name)
                self._of.setdefault(name, set()).add(key)

    def hand_over(self, transfer: Transfer, only: str | None) -> None:
        """All that the old owner has now, or the one of that ObjectId if it is the old owner's."""
        there = self._of.get(transfer.old_owner, set())
        moved = there & {json.dumps({"$oid": only})} if only is not None else set(there)
        there -= moved
        self._of.setdefault(transfer.to.user_id, set()).update(moved)
        for key in moved:
            asset = self._assets[key]
            asset.owner, asset.is_moved = transfer.to.user_id, True
            # Without a name the one before stays (D12).
            asset.first_name = transfer.to.first_name or asset.first_name

    def moved(self) -> Iterator[Moved]:
        """All that has changed, one update for each way that assets went, in a fixed order."""
        ways: dict[tuple[str, str, str], list[Any]] = {}
        for asset in self._assets.values():
            if asset.is_moved:
                ways.setdefault((asset.owner_before, asset.owner, asset.first_name), []).append(asset.id)
        for (owner_before, owner, first_name), ids in ways.items():
            yield Moved(ids, owner_before, owner, first_name)
