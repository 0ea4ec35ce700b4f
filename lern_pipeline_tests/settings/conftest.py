"""Writes configuration files and loads them with nothing but the environment handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lern_pipeline.settings import Configuration, load_configuration

Load = Callable[..., Configuration]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """`load("name.yaml", text)`: the file's configuration; `load(env={…})`: the environment's alone."""

    def load_text(name: str | None = None, text: str = "", *, env: Mapping[str, str] | None = None) -> Configuration:
        if name is None:
            return load_configuration(None, env or {})
        (tmp_path / name).write_text(text, encoding="utf-8")
        return load_configuration(str(tmp_path / name), env or {})

    return load_text
