"""MongoDB for the few jobs that use it: its library is loaded with the first call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lern_pipeline.microbatch.plan import DocumentUpdates
from lern_pipeline.microbatch.stores import Refusal
from lern_pipeline.settings import JobSettings

if TYPE_CHECKING:
    from lern_pipeline.resources.mongo import Mongo


class DocumentsWhenUsed:
    """See :class:`lern_pipeline.microbatch.stores.DocumentStore`; all is done by
    :class:`lern_pipeline.resources.mongo.Mongo`."""

    def __init__(self, settings: JobSettings, counts: Counter[str]) -> None:
        self._settings = settings
        self._counts = counts

    @cached_property
    def _mongo(self) -> Mongo:
        # Not above: every process would hold the library (17 MB, a third of a second), and two jobs use it.
        from lern_pipeline.resources.mongo import Mongo

        return Mongo(self._settings, counts=self._counts)

    def find(
        self, server: str, collection: str, member: str, values: Iterable[Any], members: Sequence[str]
    ) -> list[dict[str, Any]]:
        """See the protocol."""
        return self._mongo.find(server, collection, member, values, members)

    def apply(self, updates: DocumentUpdates) -> list[Refusal]:
        """See the protocol."""
        return self._mongo.apply(updates)

    def close(self) -> None:
        """Close all connections; the next use connects again."""
        if "_mongo" in self.__dict__:
            self._mongo.close()
