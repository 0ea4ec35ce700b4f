"""What is masked in which collection (contract 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lern_pipeline.jobs.manage_learn.documents import SOLUTIONS, made_an_object
from lern_pipeline.microbatch.plan import DocumentUpdate

DELETED_USER = "Deleted User"


@dataclass(frozen=True, slots=True)
class Mask:
    """The documents whose ``member`` is the user's id get these members set, and lose the profile fields of
    ``profiles``.

    ``objects``: what must be an object first, outer before inner (D1).
    """

    collection: str
    member: str
    masked: tuple[str, ...]
    objects: tuple[str, ...]
    profiles: tuple[str, ...] = ()

    def updates(self, user_ids: list[str], profile_fields: Sequence[str]) -> Iterator[DocumentUpdate]:
        """Repairs first, then the one update of the contract."""
        for parent in self.objects:
            yield made_an_object(parent, self.member, list(user_ids))
        change: dict[str, Any] = {"$set": dict.fromkeys(self.masked, DELETED_USER)}
        gone = [f"{profile}.{field}" for profile in self.profiles for field in profile_fields]
        if gone:
            change["$unset"] = dict.fromkeys(gone, "")
        yield DocumentUpdate(self.member, list(user_ids), change)


def _profile_mask(collection: str, member: str) -> Mask:
    """Contract 3.1."""
    return Mask(collection, member, ("userProfile.firstName",), ("userProfile",), ("userProfile",))


_BOTH_PROFILES = ("userProfile", "observationInformation.userProfile")

#: In the contract's order.
MASKS = (
    _profile_mask("observations", "createdBy"),
    _profile_mask("surveySubmissions", "createdBy"),
    Mask(
        "observationSubmissions",
        "createdBy",
        masked=tuple(f"{profile}.firstName" for profile in _BOTH_PROFILES),
        objects=("userProfile", "observationInformation", "observationInformation.userProfile"),
        profiles=_BOTH_PROFILES,
    ),
    _profile_mask("projects", "userId"),
    _profile_mask("programUsers", "userId"),
    # The author's id stays: a later transfer of ownership finds the document by it (contract 3.3).
    Mask(SOLUTIONS, "author", masked=("creator", "license.author", "license.creator"), objects=("license",)),
)
