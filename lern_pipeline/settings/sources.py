"""What was set, where, and for whom; before anybody asks what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

JOBS_PREFIX = "jobs."


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings of one origin, by the name that was used there. Later layers win over earlier ones."""

    #: For people: a path, a path with its `jobs.<job>` block, or "environment".
    origin: str
    values: Mapping[str, object]
    #: None: for every job.
    job: str | None = None
    #: An installation's `.conf`: it also carries entries of other systems, so unknown names are only reported.
    lenient: bool = False
    #: Of the environment's layers: which variable a name was set with.
    variables: Mapping[str, str] | None = None

    @property
    def from_environment(self) -> bool:
        return self.variables is not None

    def where(self, name: str) -> str:
        """Where a name of this layer was set, for people."""
        return self.origin if self.variables is None else f"environment variable {self.variables[name]}"


@dataclass(slots=True)
class Document:
    """One parsed file: flat names, and what the reader had to say about it."""

    path: str
    values: dict[str, object] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def flat(tree: Mapping[object, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted names of a nested document; `kafka: {groupId: x}` and `"kafka.groupId": x` come out alike."""
    for key, value in tree.items():
        name = prefix + str(key).strip().strip('"')
        if isinstance(value, Mapping):
            yield from flat(value, name + ".")
        elif value is not None:
            yield name, value


def layers_of(document: Document, *, lenient: bool, job: str | None = None) -> list[Layer]:
    """The document's own layer and one per `jobs.<job>` block, blocks last: they win.

    Blocks are this project's, so no entries of other systems are expected there.
    """
    plain: dict[str, object] = {}
    blocks: dict[str, dict[str, object]] = {}
    for name, value in document.values.items():
        block, _, rest = name.removeprefix(JOBS_PREFIX).partition(".")
        if name.startswith(JOBS_PREFIX) and rest:
            blocks.setdefault(block, {})[rest] = value
        else:
            plain[name] = value
    layers = [Layer(document.path, plain, job, lenient=lenient)]
    layers += [Layer(f"{document.path}, jobs.{block}", values, block) for block, values in blocks.items()]
    return layers
