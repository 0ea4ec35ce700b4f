"""What the doubles of one world write down together, so that a test can see the order across stores."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
Journal = list[str]
