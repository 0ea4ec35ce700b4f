"""A plan as MessagePack, made piece by piece: as a whole it would take as much memory again as everything it holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lern_pipeline.microbatch.plan import CacheWrites, DocumentUpdates, Plan, RowWrites

# Items of a long list in one piece.
ITEMS_AT_ONCE = 1000

# A plan has few of them, and they hold nearly everything.
HOLDERS = (RowWrites, CacheWrites, DocumentUpdates)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Plan)


def encode_plan(plan: Plan) -> Iterator[bytes]:
    """The plan in pieces that belong together, in their order."""
    return _struct(plan)


def decode_plan(data: bytes) -> Plan:
    """The plan that :func:`encode_plan` gave.

    Raises:
        msgspec.DecodeError: damaged or of another layout.
    """
    return _decoder.decode(data)


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, list) and len(value) > ITEMS_AT_ONCE:
        yield _list_header(len(value))
        for start in range(0, len(value), ITEMS_AT_ONCE):
            some = value[start : start + ITEMS_AT_ONCE]
            yield _encoder.encode(some)[len(_list_header(len(some))) :]
    elif isinstance(value, list) and value and isinstance(value[0], HOLDERS):
        yield _list_header(len(value))
        for holder in value:
            yield from _struct(holder)
    else:
        yield _encoder.encode(value)


def _struct(value: msgspec.Struct) -> Iterator[bytes]:
    names = value.__struct_fields__
    # A map: its header is that of as many entries, without them.
    yield _encoder.encode(dict.fromkeys(range(len(names))))[: 1 if len(names) < 16 else 3]
    for name in names:
        yield _encoder.encode(name)
        yield from _pieces(getattr(value, name))


def _list_header(length: int) -> bytes:
    """MessagePack's fixarray, array 16 and array 32."""
    if length < 16:
        return bytes([0x90 | length])
    return b"\xdc" + length.to_bytes(2, "big") if length < 65536 else b"\xdd" + length.to_bytes(4, "big")
