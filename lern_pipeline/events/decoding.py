"""From the bytes of a record to a JSON object (platform contract 3.5, decisions 1)."""

from __future__ import annotations

from typing import Any

import msgspec

from lern_pipeline.events.lenient_json import InvalidJson, parse_lenient

JSON_TYPE_NAMES = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


class UnreadableRecord(ValueError):
    """The record holds no JSON object. The text says why and never quotes the record."""


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableRecord(f"not a JSON object but {JSON_TYPE_NAMES.get(type(value), 'something else')}")
    return value


def decode_strict(value: bytes | None) -> dict[str, Any]:
    """A JSON object from a record's value, by the JSON standard.

    Raises:
        UnreadableRecord: tombstone, empty, not UTF-8, not JSON, too deeply nested or not an object.
    """
    if value is None:
        raise UnreadableRecord("tombstone (null value)")
    if not value:
        raise UnreadableRecord("empty value")
    try:
        return _object(msgspec.json.decode(value))
    except UnicodeDecodeError:
        raise UnreadableRecord("not UTF-8") from None
    except msgspec.DecodeError as error:
        raise UnreadableRecord(f"not JSON: {error}") from None
    except RecursionError:
        raise UnreadableRecord("nested too deeply") from None


def decode_lenient(value: bytes | None) -> dict[str, Any]:
    """As :func:`decode_strict`, with the leniencies of the existing readers.

    A backslash may stand before any character, and text behind the first complete value is ignored
    (contract relation-cache-updater 2).

    Raises:
        UnreadableRecord: as :func:`decode_strict`.
    """
    if value is None:
        raise UnreadableRecord("tombstone (null value)")
    if not value:
        raise UnreadableRecord("empty value")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise UnreadableRecord("not UTF-8") from None
    try:
        return _object(parse_lenient(text))
    except InvalidJson as error:
        raise UnreadableRecord(f"not JSON: {error}") from None
