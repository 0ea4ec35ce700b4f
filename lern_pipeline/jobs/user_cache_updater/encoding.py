"""How values are written into the hash: always text (contract 4.3)."""

from __future__ import annotations

import json

# Readers take a value that begins with a bracket for JSON.
_BRACKETS = str.maketrans({"[": "\\[", "]": "\\]"})
# As the existing writer does inside JSON strings; outside of them none of these occurs.
_HTML_SAFE = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&='\u2028\u2029"})


def plain(value: str | None) -> str:
    """A text with its brackets escaped; null is empty."""
    if value is None:
        return ""
    # Looking costs a tenth of translating, and hardly any text has one.
    return value.translate(_BRACKETS) if "[" in value or "]" in value else value


def as_json(value: object) -> str:
    """Compact JSON, safe inside HTML; brackets as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_HTML_SAFE)
