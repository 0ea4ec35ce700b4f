"""Records that nobody should send, made from any job's good event: at least forty kinds.

``PERSONAL`` stands where personal data would: no log line may hold it.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

PERSONAL = "Asha.Example+91-98765@personal.example"

Value = bytes | None
Kind = Callable[[dict[str, Any], random.Random], Value]

WRONG_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2,
    2.0,
    1.5,
    10**30,
    "",
    " ",
    "2",
    "null",
    [],
    {},
    [[]],
    [None],
    {"a": None},
    [1, "x", {}],
)

NASTY_TEXTS = (
    "'; DROP TABLE sunbird_courses.user_enrolments; --",
    '"); DELETE FROM x;',
    "a'b\"c\\d",
    "a|b|c|2",
    "a:b:leafnodes",
    "*",
    "user:*",
    "../../../etc/passwd",
    "C:\\..\\..",
    "%00%2e%2e",
    "${jndi:ldap://x}",
    "{env}",
    "{{env}}",
    "\r\nSET x y\r\n",
    "*3\r\n$3\r\nDEL",
    "\x00",
    "\u202e\u0000\u0007",
    "\ufeff",
    "𝒳" * 20,
    "é" * 200,
    "_",
    "x" * 5_000,
    "y" * 40_000,
    PERSONAL,
)


def paths_of(event: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every member and element of the event, as a path."""
    items = event.items() if isinstance(event, dict) else enumerate(event) if isinstance(event, list) else ()
    for name, value in items:
        yield (*prefix, name)
        yield from paths_of(value, (*prefix, name))


def changed(event: dict[str, Any], path: tuple[Any, ...], value: Any, remove: bool = False) -> dict[str, Any]:
    """A copy of the event with one place changed."""
    copied = copy.deepcopy(event)
    place: Any = copied
    for step in path[:-1]:
        place = place[step]
    if remove:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copied


def encoded(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode(errors="surrogatepass")


def _anywhere(change: Callable[[dict[str, Any], tuple[Any, ...], random.Random], Any]) -> Kind:
    def kind(event: dict[str, Any], dice: random.Random) -> bytes:
        return encoded(change(event, dice.choice(list(paths_of(event))), dice))

    return kind


def _text_everywhere(text: str) -> Kind:
    """The nasty text as every id of the event."""

    def kind(event: dict[str, Any], dice: random.Random) -> bytes:
        copied = copy.deepcopy(event)
        for path in paths_of(event):
            if str(path[-1]).lower().endswith(("id", "identifier")):
                copied = changed(copied, path, text)
        return encoded(copied)

    return kind


def _fixed(value: Value) -> Kind:
    return lambda event, dice: value


def _spliced(old: bytes, new: bytes) -> Kind:
    """The good event's text with something put where its text must not have it."""
    return lambda event, dice: encoded(event).replace(old, new, 1)


def _deep(opening: bytes, closing: bytes, depth: int) -> bytes:
    return opening * depth + b"1" + closing * depth


KINDS: dict[str, Kind] = {
    "tombstone": _fixed(None),
    "empty": _fixed(b""),
    "blank": _fixed(b"  \n\t "),
    "not JSON": _fixed(f"hello {PERSONAL}".encode()),
    "literal null": _fixed(b"null"),
    "number": _fixed(b"42"),
    "text": _fixed(json.dumps(PERSONAL).encode()),
    "array": lambda event, dice: encoded([event]),
    "array of nothing": _fixed(b"[]"),
    "empty object": _fixed(b"{}"),
    "truncated": lambda event, dice: encoded(event)[: dice.randrange(1, len(encoded(event)))],
    "two values": lambda event, dice: encoded(event) + b" " + encoded(event)[:10],
    "bad UTF-8": _spliced(b"edata", b"ed\xff\xfeata"),
    "UTF-16": lambda event, dice: json.dumps(event).encode("utf-16"),
    "byte-order mark": lambda event, dice: b"\xef\xbb\xbf" + encoded(event),
    "lone surrogate": _spliced(b'"edata"', b'"x": "\\ud800", "edata"'),
    "surrogate bytes": _spliced(b'"edata"', b'"x": "\xed\xa0\x80", "edata"'),
    "NaN": _spliced(b'"edata"', b'"x": NaN, "edata"'),
    "infinite": _spliced(b'"edata"', b'"x": -Infinity, "edata"'),
    "1e400": _spliced(b'"edata"', b'"x": 1e400, "edata"'),
    "integer of 5,000 digits": _spliced(b'"edata"', b'"x": ' + b"9" * 5_000 + b', "edata"'),
    "comment": _spliced(b'"edata"', b'/* x */ "edata"'),
    "single quotes": lambda event, dice: encoded(event).replace(b'"', b"'"),
    "trailing comma": lambda event, dice: encoded(event)[:-1] + b",}",
    "control character in text": _spliced(b'"edata"', b'"x": "\x01", "edata"'),
    "duplicate keys": _spliced(b'"edata"', b'"edata": null, "edata"'),
    "duplicate keys, the last one wrong": lambda event, dice: encoded(event)[:-1] + b', "edata": 5}',
    "arrays 100,000 deep": _fixed(_deep(b"[", b"]", 100_000)),
    "objects 20,000 deep": _fixed(_deep(b'{"a":', b"}", 20_000)),
    "deep inside edata": lambda event, dice: encoded(changed(event, ("edata", "x"), 0)).replace(
        b'"x": 0', b'"x": ' + _deep(b"[", b"]", 5_000)
    ),
    "a megabyte of text": lambda event, dice: encoded(changed(event, ("edata", "x"), "z" * 900_000)),
    "thousands of members": lambda event, dice: encoded({**event, **{f"m{number}": number for number in range(5_000)}}),
    "edata missing": lambda event, dice: encoded({k: v for k, v in event.items() if k != "edata"}),
    "edata empty": lambda event, dice: encoded({**event, "edata": {}}),
    "edata an array": lambda event, dice: encoded({**event, "edata": [event["edata"]]}),
    "edata as text": lambda event, dice: encoded({**event, "edata": json.dumps(event["edata"])}),
    "other action": lambda event, dice: encoded(changed(event, ("edata", "action"), "launch-missiles")),
    "action in other case and spaced": lambda event, dice: encoded(
        changed(event, ("edata", "action"), f" {event['edata']['action'].upper()} ")
    ),
    "ets out of range": lambda event, dice: encoded({**event, "ets": 10**25}),
    "member missing": _anywhere(lambda event, path, dice: changed(event, path, None, remove=True)),
    "member null": _anywhere(lambda event, path, dice: changed(event, path, None)),
    "wrong type": _anywhere(lambda event, path, dice: changed(event, path, copy.deepcopy(dice.choice(WRONG_VALUES)))),
    "wrong type, personal": _anywhere(lambda event, path, dice: changed(event, path, [PERSONAL, {"phone": PERSONAL}])),
    "names of other case": lambda event, dice: encoded({name.upper(): value for name, value in event.items()}),
    **{f"ids as {text[:20]!r}": _text_everywhere(text) for text in NASTY_TEXTS},
}


def hostile_records(event: dict[str, Any], count: int, seed: int) -> Iterator[tuple[str, Value]]:
    """``count`` records, every kind about as often, as (kind, value)."""
    dice = random.Random(seed)
    kinds = list(KINDS.items())
    for number in range(count):
        name, kind = kinds[number % len(kinds)]
        yield name, kind(event, dice)
