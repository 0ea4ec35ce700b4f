"""JSON as the existing jobs read it: a little more than the standard allows, and nothing that cannot be written back.

Accepted beyond the standard (relation-cache-updater contract 2, platform contract 3.5): a backslash before any
character inside a string, text after the first complete value, duplicate keys (the last wins).
Refused although Python's own reader takes it: NaN and Infinity, numbers that overflow to infinity, lone surrogates.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import NoReturn

MAX_DEPTH = 500
"""Objects and lists may be nested this deep: well inside Python's recursion limit, wherever the caller stands."""

MAX_DIGITS = 20_000
"""Longer integers are refused: the time to convert them grows with the square of their length."""

_WHITESPACE = " \t\n\r"
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_STANDARD_ESCAPES = frozenset('"\\/bfnrtu')
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# A literal or number that one of these follows is not complete: `nullx`, `1.`, `01`.
_GLUED = re.compile(r"[\w.+\-]")


class InvalidJson(ValueError):
    """The text is not JSON that can be used; the reason never quotes the document."""


def parse_lenient(text: str) -> object:
    """The first JSON value of the text.

    Objects keep the order of their keys, integers are kept at any size, decimals are doubles.
    Raises InvalidJson.
    """
    start = len(text) - len(text.lstrip(_WHITESPACE))
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        if "\\" not in text:
            raise InvalidJson(_reason(error)) from None
        text = _with_standard_escapes(text)
        try:
            value, end = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError as second:
            raise InvalidJson(_reason(second)) from None
        except RecursionError:
            raise InvalidJson("nested too deeply") from None
    except RecursionError:
        raise InvalidJson("nested too deeply") from None
    if not isinstance(value, (dict, list, str)) and _GLUED.match(text, end):
        raise InvalidJson("a literal or number goes on with characters that do not belong to it")
    _check(value, text)
    return value


def compact_json(value: object) -> str:
    """The value as JSON text: no blanks, keys in the order of the dict, nulls kept, non-ASCII characters and `/` raw.

    Raises InvalidJson for what cannot be written: NaN, infinity, lone surrogates, other types, too deep nesting.
    """
    try:
        text = _ENCODER.encode(value)
    except RecursionError:
        raise InvalidJson("nested too deeply") from None
    except TypeError:
        raise InvalidJson("a value of a type that JSON does not have") from None
    except ValueError:
        text = _encode_with_huge_integers(value)
    if not text.isascii() and _SURROGATE.search(text):
        raise InvalidJson("a lone surrogate")
    return text


def _reason(error: json.JSONDecodeError) -> str:
    # The message is one of the C reader's fixed phrases.
    return f"{error.msg.rstrip(': ').removesuffix(' at')} at character {error.pos}"


def _with_standard_escapes(text: str) -> str:
    r"""The text with `\'` and its like as `\u0027`: outside of strings that is as wrong as it was before."""

    def standard(escape: re.Match[str]) -> str:
        character = escape[1]
        if character in _STANDARD_ESCAPES:
            return escape[0]
        return json.dumps(character)[1:-1] if not 32 <= ord(character) < 127 else f"\\u{ord(character):04x}"

    return _ESCAPE.sub(standard, text)


def _refuse_constant(_: str) -> NoReturn:
    raise InvalidJson("NaN or Infinity is not JSON")


def _double(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise InvalidJson("a number is too large for a double")
    return number


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        if len(digits) > MAX_DIGITS:
            raise InvalidJson("an integer has too many digits") from None
        # Python itself converts 4,300 digits; decimals know no such limit.
        return int(Decimal(digits))


def _check(value: object, text: str) -> None:
    """Refuses what was read but cannot be written: the walk is taken only where the text gives reason for it."""
    deep = text.count("{") + text.count("[") > MAX_DEPTH
    surrogates = _SURROGATE_ESCAPE.search(text) or (not text.isascii() and _SURROGATE.search(text))
    if not deep and not surrogates:
        return
    level: list[object] = [value]
    depth = 0
    while level:
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif surrogates and isinstance(item, str) and _SURROGATE.search(item):
                raise InvalidJson("a lone surrogate")
        depth += any(isinstance(item, (dict, list)) for item in level)
        if depth > MAX_DEPTH:
            raise InvalidJson("nested too deeply")
        level = below


def _encode_with_huge_integers(value: object) -> str:
    """As the encoder, but with integers beyond the number of digits that Python writes: those are put in afterwards."""
    huge: list[str] = []
    # Cannot be part of the value: a lone surrogate is refused.
    mark = "\udc00"

    def marked(item: object) -> object:
        if isinstance(item, dict):
            return {marked(key): marked(member) for key, member in item.items()}
        if isinstance(item, (list, tuple)):
            return [marked(member) for member in item]
        if isinstance(item, str) and mark in item:
            raise InvalidJson("a lone surrogate")
        if isinstance(item, int) and item.bit_length() > 2000:
            huge.append(format(Decimal(item), "f"))
            return mark
        return item

    try:
        text = _ENCODER.encode(marked(value))
    except RecursionError:
        raise InvalidJson("nested too deeply") from None
    except ValueError:
        raise InvalidJson("NaN or infinity cannot be written as JSON") from None
    parts = text.split(f'"{mark}"')
    return parts[0] + "".join(digits + part for digits, part in zip(huge, parts[1:], strict=True))


_DECODER = json.JSONDecoder(parse_float=_double, parse_int=_integer, parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
