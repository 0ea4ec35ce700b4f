"""The command as it is installed."""

from __future__ import annotations

import sys
from pathlib import Path

COMMAND = Path(sys.executable).parent / "lern-pipeline"
