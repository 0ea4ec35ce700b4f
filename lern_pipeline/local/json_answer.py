"""What a local server says to a question asked by HTTP."""

from __future__ import annotations

import json
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

# Without a proxy that the surroundings name: the address may be of this machine.
_ask = build_opener(ProxyHandler({})).open


def json_answer(url: str, timeout: float) -> dict[str, object]:
    """The members of the JSON object it answers with status 200; none where it answers anything else or nothing within
    ``timeout`` seconds."""
    try:
        with _ask(url, timeout=timeout) as answer:
            found = json.load(answer) if answer.status == 200 else None
    except (OSError, HTTPException, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
