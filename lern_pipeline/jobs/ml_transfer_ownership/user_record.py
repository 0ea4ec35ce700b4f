"""A user's record in `userExtension`, and the roles in it (contract 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Absent(Enum):
    """The document has no such member; null is something else."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(slots=True)
class Role:
    """A role element as the jobs can use it; others in the list are left as they are (D16)."""

    element: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.element["code"])

    @property
    def programs(self) -> list[Any]:
        """Ids of programs in extended JSON; what is no ObjectId is not a program's (D16)."""
        return [entry for entry in self.element["programs"] if isinstance(entry, dict) and "$oid" in entry]

    def with_programs(self, programs: list[Any]) -> dict[str, Any]:
        """The element for somebody else: the same role, these programs."""
        kept: dict[str, Any] = {name: self.element[name] for name in ("roleId", "code") if name in self.element}
        return kept | {"programs": programs}


class UserRecord:
    """``platform_roles`` as it stands in the document, or :data:`ABSENT`. ``id``: None for users that Manage Learn does
    not know yet."""

    def __init__(self, user_id: str, id: Any = None, platform_roles: Any = ABSENT) -> None:
        self.user_id = user_id
        self.id = id
        self.is_known = id is not None
        self.platform_roles = platform_roles

    @property
    def has_role_list(self) -> bool:
        return isinstance(self.platform_roles, list)

    @property
    def elements(self) -> list[Any]:
        """The list's elements, of whatever shape."""
        return self.platform_roles if isinstance(self.platform_roles, list) else []

    def codes(self) -> set[str]:
        """Every code that the user has, usable or not."""
        return {
            element["code"]
            for element in self.elements
            if isinstance(element, dict) and isinstance(element.get("code"), str)
        }

    def roles(self) -> Iterator[Role]:
        """The usable ones, in their order."""
        for element in self.elements:
            if (
                isinstance(element, dict)
                and isinstance(element.get("code"), str)
                and isinstance(element.get("programs"), list)
            ):
                yield Role(element)

    def by_code(self) -> dict[str, Role]:
        """Of a code that comes again the last counts (contract 3.3 step 5)."""
        return {role.code: role for role in self.roles()}
