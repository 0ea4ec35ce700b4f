"""HOCON files (`.conf`), as the existing jobs have them (platform contract 13.1)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.sources import Document, flat


def read_hocon(path: Path, environ: Mapping[str, str]) -> Document:
    """The file with its includes; substitutions find names of the file first, then `environ`.

    Raises ConfigurationError when the file cannot be parsed.
    """
    # Here and not above: the parser takes a quarter of a second to import, and YAML installations never need it.
    from pyhocon import ConfigTree
    from pyhocon.config_parser import ConfigParser

    class EnvironmentAwareParser(ConfigParser):  # type: ignore[misc]
        """Looks substitutions up in the environment that was handed in instead of the process's own."""

        @classmethod
        def _resolve_variable(cls, config: Any, substitution: Any) -> tuple[bool, Any]:
            known = config.get(substitution.variable, None)
            if known is None and substitution.variable in environ:
                return True, environ[substitution.variable]
            if known is None and substitution.optional:
                return False, None
            resolved: tuple[bool, Any] = super()._resolve_variable(config, substitution)
            return resolved

    document = Document(str(path))
    with _Remarks(document):
        try:
            tree = EnvironmentAwareParser.parse(path.read_text(encoding="utf-8-sig"), basedir=str(path.parent))
        except Exception as error:  # the parser raises its own, the grammar's and plain Python errors alike
            raise ConfigurationError(f"{path} cannot be read as HOCON: {_one_line(error)}") from error
    if not isinstance(tree, ConfigTree):
        raise ConfigurationError(f"{path} cannot be read as HOCON: it holds a list, expected settings")
    document.values.update(flat(tree))
    return document


class _Remarks(logging.Handler):
    """The parser only logs that an include is missing; that is worth a warning of ours and no line on stderr."""

    def __init__(self, document: Document) -> None:
        super().__init__(logging.WARNING)
        self._document = document
        self._logger = logging.getLogger("pyhocon.config_parser")
        self._propagated = True

    def emit(self, record: logging.LogRecord) -> None:
        self._document.remarks.append(f"{self._document.path}: {record.getMessage()}")

    def __enter__(self) -> _Remarks:
        self._propagated, self._logger.propagate = self._logger.propagate, False
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
