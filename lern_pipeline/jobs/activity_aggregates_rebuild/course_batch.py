"""A course batch and its partition key: ``do_9001:B-501``."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

from lern_pipeline.errors import LernPipelineError

_BETWEEN = ":"


class InvalidCourseBatch(LernPipelineError):
    """The text is no course batch's key."""


class CourseBatch(NamedTuple):
    """A batch of a course. Ids are used verbatim (decisions 4)."""

    course_id: str
    batch_id: str

    @classmethod
    def parse(cls, key: str) -> CourseBatch:
        """The course batch of :attr:`key`.

        Raises:
            InvalidCourseBatch: not such a key, or an id is blank.
        """
        parts = [unquote(part, errors="replace") for part in key.split(_BETWEEN)]
        if len(parts) == 2 and all(part.strip() for part in parts):
            found = cls(*parts)
            if found.key == key:
                return found
        raise InvalidCourseBatch(f"{key!r} is not a course batch's key: <course id>{_BETWEEN}<batch id> is expected")

    @property
    def key(self) -> str:
        """Both ids, percent-encoded where they hold anything but letters, digits, ``_``, ``-`` and ``~``: neither
        Dagster nor a file system sees anything of meaning to it."""
        return f"{_encoded(self.course_id)}{_BETWEEN}{_encoded(self.batch_id)}"


def _encoded(text: str) -> str:
    return quote(text, safe="").replace(".", "%2E")
