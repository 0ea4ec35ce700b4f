"""Recipients as an operator may see them (contract notification-job 10). Pure."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_SHOWN = 3


def masked_numbers(numbers: Sequence[str]) -> str:
    """``2 numbers ending …42, …13``."""
    return f"{_counted(numbers, 'number')} ending {_some([f'…{number[-2:]}' for number in numbers])}"


def masked_addresses(addresses: Sequence[str]) -> str:
    """``1 address: a…@…``."""
    plural = "address" if len(addresses) == 1 else "addresses"
    return f"{len(addresses)} {plural}: {_some([f'{address[:1]}…@…' for address in addresses])}"


def masked_devices(tokens: Sequence[str]) -> str:
    """``2 devices``."""
    return _counted(tokens, "device")


def _counted(items: Sequence[str], name: str) -> str:
    return f"{len(items)} {name}" if len(items) == 1 else f"{len(items)} {name}s"


def _some(shown: Sequence[str]) -> str:
    return ", ".join(shown[:_MOST_SHOWN]) + (", …" if len(shown) > _MOST_SHOWN else "")
