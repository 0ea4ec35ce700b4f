"""YAML files, nested or with dotted names."""

from __future__ import annotations

from pathlib import Path

import yaml

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.sources import Document, flat

# The loader in C is ten times faster; builds of PyYAML without it exist.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Document:
    """Raises ConfigurationError when the file cannot be parsed."""
    try:
        tree = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_LOADER)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read as YAML: {_one_line(error)}") from None
    if tree is None:
        return Document(str(path))
    if not isinstance(tree, dict):
        raise ConfigurationError(f"{path} cannot be read as YAML: expected settings, found {type(tree).__name__}")
    return Document(str(path), dict(flat(tree)))


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        # Without the snippet that the error's own text may have: the line may hold a secret.
        return f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())
