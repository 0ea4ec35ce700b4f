"""``lern-pipeline up``, ``down`` and ``status``: the local stack."""

from __future__ import annotations

import argparse
import dataclasses
import json

from lern_pipeline.commands.session import to_stderr
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.local.keycloak_realm import sso_settings
from lern_pipeline.local.keycloak_server import settings_file
from lern_pipeline.local.stack import STANDARD, LocalStack
from lern_pipeline.settings import load_configuration


def _stack() -> LocalStack:
    configuration = load_configuration()
    addresses = StackAddresses.from_settings(configuration.shared())
    # The one address that is a job's own setting, and has no default.
    url = configuration.for_job("user-deletion-cleanup").optional_text("sunbird_sso_url")
    return LocalStack(dataclasses.replace(addresses, keycloak_url=url) if url else addresses)


def up(arguments: argparse.Namespace) -> int:
    """Start what does not answer; load the schema and make the topics that are missing."""
    stack = _stack()
    stack.up(to_stderr, (*STANDARD, *arguments.also))
    if "keycloak" in arguments.also and "keycloak" in stack.started():
        _tell_keycloak_settings(stack)
    return status(arguments)


def _tell_keycloak_settings(stack: LocalStack) -> None:
    """What user-deletion-cleanup needs; where its secret is, and not the secret."""
    to_stderr(f"Keycloak: `. {settings_file(stack.paths.data('keycloak'))}` sets for user-deletion-cleanup:")
    for name, value in sso_settings(stack.addresses.keycloak_url, "(in that file)").items():
        to_stderr(f"  {name}: {value}")


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
