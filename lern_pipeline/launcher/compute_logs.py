"""What runs print, kept where Dagster's UI looks for it, at no cost per run."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dagster import Field, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._serdes import ConfigurableClassData
from dagster._utils import ensure_file, touch_file


class FileComputeLogManager(LocalComputeLogManager):
    """Dagster's local log manager without the mirror to the console.

    The mirror takes four processes per run (a tail and a watching Python for each stream), which cost more than the
    rest of a small run. ``base_dir`` is, as by default in Dagster, the instance's storage directory.
    """

    def __init__(self, base_dir: str | None = None, inst_data: ConfigurableClassData | None = None) -> None:
        self._configured_dir = base_dir
        super().__init__(base_dir="", inst_data=inst_data)

    @property
    def _base_dir(self) -> str:
        return self._configured_dir or str(self._instance.storage_directory())

    @_base_dir.setter
    def _base_dir(self, value: str) -> None:
        """The parent's constructor assigns it; the instance is not known yet then."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> FileComputeLogManager:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext, None, None]:
        out, error = (
            self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind])
            for kind in (ComputeIOType.STDOUT, ComputeIOType.STDERR)
        )
        ensure_file(out)
        ensure_file(error)
        with redirect_to_file(sys.stdout, out), redirect_to_file(sys.stderr, error):
            yield CapturedLogContext(log_key)
        # Tells readers that nothing more will come.
        touch_file(self.complete_artifact_path(log_key))  # type: ignore[no-untyped-call]
