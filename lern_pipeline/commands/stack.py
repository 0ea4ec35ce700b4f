"""``lern-pipeline up``, ``down`` and ``status``: the local stack."""

from __future__ import annotations

import argparse
import json

from lern_pipeline.commands.session import to_stderr
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.local.stack import STANDARD, LocalStack
from lern_pipeline.settings import load_configuration


def _stack() -> LocalStack:
    return LocalStack(StackAddresses.from_settings(load_configuration().shared()))


def up(arguments: argparse.Namespace) -> int:
    """Start what does not answer; load the schema and make the topics that are missing."""
    _stack().up(to_stderr, (*STANDARD, *arguments.also))
    return status(arguments)


def down(arguments: argparse.Namespace) -> int:
    """Stop what ``up`` started."""
    _stack().down(to_stderr)
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Print which servers answer. Exit code 1 when one does not."""
    found = _stack().status()
    if arguments.json:
        print(json.dumps(found))
    else:
        for server, state in found.items():
            where = state.get("bootstrap_servers") or f"{state.get('host')}:{state.get('port')}"
            print(f"{server:<10} {'up' if state['up'] else 'down':<5} {where}")
    return 0 if all(state["up"] for state in found.values()) else 1
