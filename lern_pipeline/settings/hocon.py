"""HOCON files (`.conf`), as the existing jobs have them (platform contract 13.1)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.sources import Document, flat

# The parser knows neither of these two; both mean what is left when the special part is taken away.
_CLASSPATH_INCLUDE = re.compile(r'^(\s*include\s.*?)classpath\(\s*("[^"\n]*")\s*\)', re.MULTILINE)
_PARTLY_QUOTED_KEY = re.compile(
    r'(?:^|(?<=[{,]))[ \t]*(?:"[\w.-]+"|[\w-]+)(?:\.(?:"[\w.-]+"|[\w-]+))+(?=\s*[=:{])', re.M
)


def read_hocon(path: Path, environ: Mapping[str, str]) -> Document:
    """The file with its includes; substitutions find names of the file first, then `environ`.

    Raises ConfigurationError when the file cannot be parsed.
    """
    # Here and not above: the parser takes a quarter of a second to import, and YAML installations never need it.
    from pyhocon import ConfigTree

    document = Document(str(path))
    text = _PARTLY_QUOTED_KEY.sub(lambda key: key[0].replace('"', ""), path.read_text(encoding="utf-8-sig"))
    text = _CLASSPATH_INCLUDE.sub(r"\1\2", text)
    with _remarks(document), _later_values_win():
        try:
            tree = _parser(environ).parse(text, basedir=str(path.parent))
        except Exception as error:  # the parser raises its own, the grammar's and plain Python errors alike
            raise ConfigurationError(f"{path} cannot be read as HOCON: {_one_line(error)}") from None
    if not isinstance(tree, ConfigTree):
        raise ConfigurationError(f"{path} cannot be read as HOCON: it holds a list, expected settings")
    document.values.update(flat(tree))
    return document


def _parser(environ: Mapping[str, str]) -> Any:
    """A parser that looks substitutions up in the environment handed in instead of the process's own."""
    from pyhocon.config_parser import ConfigParser

    class EnvironmentAwareParser(ConfigParser):  # type: ignore[misc]
        @classmethod
        def _resolve_variable(cls, config: Any, substitution: Any) -> tuple[bool, Any]:
            if config.get(substitution.variable, None) is None:
                if substitution.variable in environ:
                    return True, environ[substitution.variable]
                if substitution.optional:
                    return False, None
            resolved: tuple[bool, Any] = super()._resolve_variable(config, substitution)
            return resolved

        @classmethod
        def _fixup_self_references(cls, config: Any, accept_unresolved: bool = False) -> None:
            # `password = ${?password}` means the environment's; the parser would ask its own.
            for key in config if isinstance(config, dict) else ():
                history = config.history.get(key, ())
                for substitution in cls._find_substitutions(history[0]) if len(history) == 1 else ():
                    if substitution.variable == key and key in environ:
                        cls._do_substitute(substitution, environ[key])
            super()._fixup_self_references(config, accept_unresolved)

    return EnvironmentAwareParser


@contextmanager
def _later_values_win() -> Iterator[None]:
    """`a = x` and later `a.b = y` is legal, the later one wins; the parser raises an error instead."""
    from pyhocon import ConfigTree

    put = ConfigTree._put

    def forgiving_put(self: Any, key_path: Any, value: Any, append: bool = False) -> None:
        if append and len(key_path) == 1 and isinstance(value, ConfigTree):
            append = not isinstance(self.get(key_path[0], None), str | int | float)
        put(self, key_path, value, append)

    ConfigTree._put = forgiving_put
    try:
        yield
    finally:
        ConfigTree._put = put


@contextmanager
def _remarks(document: Document) -> Iterator[None]:
    """The parser only logs that an include is missing; that is worth a warning of ours and no line on stderr."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            document.remarks.append(f"{document.path}: {record.getMessage()}")

    logger = logging.getLogger("pyhocon.config_parser")
    handler = Handler(logging.WARNING)
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated


def _one_line(error: Exception) -> str:
    """Where it went wrong, without the parser's own text: that lists its grammar, or values, secrets among them."""
    from pyhocon import ConfigSubstitutionException

    if isinstance(error, ConfigSubstitutionException | OSError | UnicodeDecodeError | RecursionError):
        return " ".join(str(error).split())
    line, column = getattr(error, "lineno", None), getattr(error, "column", None)
    if line is not None and column is not None:
        return f"line {line}, column {column} is not HOCON"
    place = re.search(r"\(line: *(\d+), col: *(\d+)\)", str(error))
    where = f" at line {place[1]}, column {place[2]}" if place else ""
    return f"values that cannot be joined{where} ({type(error).__name__})"
