"""Recorded scenarios as the files have them, and the groups in which they are played."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent / "scenarios"
PLAY_CONF = Path(__file__).parent / "play.conf"


@dataclass(frozen=True)
class Record:
    """One input record; `round` counts the `wait`s up to it, so that all before have been handled."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    round: int


@dataclass(frozen=True)
class Scenario:
    """One file; see README.md beside the scenarios for its members."""

    document: Mapping[str, Any]

    @property
    def job(self) -> str:
        return str(self.document["job"])

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def tag(self) -> str:
        """Part of every identifier of the scenario and of no other."""
        return str(self.document["tag"])

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.document["settings"])

    @property
    def given(self) -> Mapping[str, Any]:
        return dict(self.document["given"])

    @property
    def expected(self) -> Mapping[str, Any]:
        return dict(self.document["expected"])

    @property
    def account(self) -> dict[str, int]:
        """Events `processed`, `skipped` and `failed`."""
        return dict(self.document["expected"]["account"])

    @property
    def mail_server(self) -> dict[str, Any]:
        """What the mail server is like for every client; what it refuses by address can be said of one that others
        share."""
        return {name: value for name, value in self.given.get("mail", {}).items() if name != "refuse" and value}

    @property
    def free(self) -> str | Sequence[str] | None:
        free: str | Sequence[str] | None = self.document["free"]
        return free

    @property
    def has_documents(self) -> bool:
        """Whether it needs MongoDB."""
        return "mongo" in self.given or "mongo" in self.expected

    @property
    def has_search_documents(self) -> bool:
        """Whether it needs the search cluster."""
        return "search" in self.given or "search" in self.expected

    def records(self) -> list[Record]:
        """The input in order."""
        records = []
        number = 0
        for record in self.document["records"]:
            number += bool(record.get("wait"))
            key = record.get("key")
            records.append(
                Record(
                    topic=record["topic"],
                    partition=record.get("partition") or 0,
                    key=None if key is None else str(key).encode(),
                    value=_value(record),
                    round=number,
                )
            )
        return records

    def filled_in(self, masks: Mapping[str, str]) -> Scenario:
        """With `<http>`, `<env>` and their like replaced everywhere; masks of values that differ are kept."""
        filled = _filled_in(self.document, masks)
        assert isinstance(filled, dict)
        return Scenario(filled)


@dataclass(frozen=True)
class Group:
    """Scenarios of one job with the same settings and the same mail server: they share one stack and one drain."""

    job: str
    settings: Mapping[str, Any]
    mail_server: Mapping[str, Any]
    scenarios: tuple[Scenario, ...]

    @property
    def name(self) -> str:
        around = {**self.settings, **{f"mail.{name}": value for name, value in self.mail_server.items()}}
        changed = ",".join(f"{name}={value}" for name, value in sorted(around.items()))
        return f"{self.job}/{changed or 'defaults'}"


def load_scenarios(directory: Path = DIRECTORY) -> list[Scenario]:
    """Every scenario below the directory, by job and name."""
    scenarios = [Scenario(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(directory.glob("*/*.json"))]
    tags = [scenario.tag for scenario in scenarios]
    assert len(set(tags)) == len(tags), "two scenarios have the same tag"
    return scenarios


def group_scenarios(scenarios: Sequence[Scenario]) -> list[Group]:
    """The groups, in the order of their first scenarios."""
    groups: dict[tuple[str, str], list[Scenario]] = {}
    for scenario in scenarios:
        key = (scenario.job, json.dumps([scenario.settings, scenario.mail_server], sort_keys=True))
        groups.setdefault(key, []).append(scenario)
    return [
        Group(job, members[0].settings, members[0].mail_server, tuple(members)) for (job, _), members in groups.items()
    ]


def compact(value: object) -> str:
    """JSON as it is published: without blanks, non-ASCII characters raw."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _value(record: Mapping[str, Any]) -> bytes | None:
    if "value_base64" in record:
        return base64.b64decode(record["value_base64"])
    value = record["value"]
    if value is None:
        return None
    return (value if isinstance(value, str) else compact(value)).encode()


def _filled_in(value: object, masks: Mapping[str, str]) -> object:
    if isinstance(value, str):
        for mask, text in masks.items():
            value = value.replace(mask, text)
        return value
    if isinstance(value, dict):
        return {_filled_in(key, masks): _filled_in(member, masks) for key, member in value.items()}
    if isinstance(value, list):
        return [_filled_in(member, masks) for member in value]
    return value
