"""Documents of Manage Learn, which ml-user-delete masks (its contract, 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from lern_pipeline.jobs.deletion_proof.trace import Trace, counted
from lern_pipeline.jobs.manage_learn.documents import SERVER
from lern_pipeline.jobs.ml_user_delete.masks import DELETED_USER, MASKS, Mask
from lern_pipeline.jobs.ml_user_delete.rules import PROFILE_FIELDS
from lern_pipeline.microbatch.stores import DocumentReader
from lern_pipeline.settings import JobSettings

MASKED = "masked; the id stays (contract ml-user-delete 3)"


def in_documents(users: Sequence[str], documents: DocumentReader, settings: JobSettings) -> Iterator[Trace]:
    """What is not masked in the collections."""
    fields = settings.texts(PROFILE_FIELDS)
    for mask in MASKS:
        gone = [f"{profile}.{field}" for profile in mask.profiles for field in fields]
        found = documents.find(SERVER, mask.collection, mask.member, users, [mask.member, *mask.masked, *gone])
        seen = Counter((str(_at(one, mask.member)), _is_masked(one, mask, gone)) for one in found)
        for (user, masked), number in seen.items():
            what = counted(number, "document")
            yield Trace(user, f"mongodb {mask.collection}", what if masked else f"{what} not masked", MASKED * masked)


def _is_masked(document: dict[str, Any], mask: Mask, gone: Sequence[str]) -> bool:
    hidden = all(_at(document, path) == DELETED_USER for path in mask.masked)
    return hidden and all(_at(document, path) is None for path in gone)


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document
