"""What is known about one configuration variable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["text", "texts", "integer", "number", "flag"]
Value = str | int | float | bool | tuple[str, ...] | None

ENVIRONMENT_PREFIX = "LERN_PIPELINE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of the catalogue, under its documented name.

    `default` None means that there is none: the setting is optional, or needed only where a job asks for it.
    """

    name: str
    kind: Kind
    default: Value
    meaning: str
    aliases: tuple[str, ...] = ()
    #: Jobs that have the variable; empty: all of them.
    jobs: tuple[str, ...] = ()
    secret: bool = False
    #: Why an installation may still set it although nothing here reads it; empty: it is read.
    not_needed: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    #: Takes the value of this variable when it has none of its own.
    falls_back_to: str = ""
    #: Falls back only where both variables are about one host and port: credentials stay with their server.
    on_same_server: bool = False
    #: Existing files give "" where the default is meant.
    blank_is_default: bool = False

    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Area:
    """Variables that an operator looks up together; one table of the reference page."""

    title: str
    about: str
    variables: tuple[Variable, ...]


def area(title: str, about: str, variables: Iterable[Variable], *, jobs: tuple[str, ...] = ()) -> Area:
    """An area whose variables all belong to `jobs` (empty: to every job)."""
    return Area(title, about, tuple(replace(variable, jobs=jobs) for variable in variables))


def text(
    name: str,
    default: str | None,
    meaning: str,
    *,
    aliases: tuple[str, ...] = (),
    secret: bool = False,
    choices: tuple[str, ...] = (),
    falls_back_to: str = "",
    on_same_server: bool = False,
    blank_is_default: bool = False,
) -> Variable:
    return Variable(
        name=name,
        kind="text",
        default=default,
        meaning=meaning,
        aliases=aliases,
        secret=secret,
        choices=choices,
        falls_back_to=falls_back_to,
        on_same_server=on_same_server,
        blank_is_default=blank_is_default,
    )


def texts(name: str, default: tuple[str, ...], meaning: str) -> Variable:
    return Variable(name=name, kind="texts", default=default, meaning=meaning)


def integer(
    name: str,
    default: int | None,
    meaning: str,
    *,
    minimum: int = 0,
    maximum: int | None = None,
    falls_back_to: str = "",
) -> Variable:
    return Variable(
        name=name,
        kind="integer",
        default=default,
        meaning=meaning,
        minimum=minimum,
        maximum=maximum,
        falls_back_to=falls_back_to,
    )


def port(name: str, default: int | None, meaning: str, *, falls_back_to: str = "") -> Variable:
    return integer(name, default, meaning, minimum=1, maximum=65535, falls_back_to=falls_back_to)


def number(name: str, default: float, meaning: str, *, minimum: float = 0) -> Variable:
    return Variable(name=name, kind="number", default=default, meaning=meaning, minimum=minimum)


def flag(
    name: str, default: bool | None, meaning: str, *, falls_back_to: str = "", on_same_server: bool = False
) -> Variable:
    return Variable(
        name=name,
        kind="flag",
        default=default,
        meaning=meaning,
        falls_back_to=falls_back_to,
        on_same_server=on_same_server,
    )


def not_needed(name: str, default: Value, why: str) -> Variable:
    """A variable of the existing jobs that is accepted and has no effect.

    Its value is not checked: a text that nothing reads must not keep a job from starting.
    """
    shown = default if default is None or isinstance(default, tuple) else str(default)
    if isinstance(default, bool):
        shown = str(default).lower()
    return Variable(name=name, kind="text", default=shown, meaning="Not needed.", not_needed=why)


def environment_name(name: str, job: str | None = None) -> str:
    """The environment variable that overrides `name`, for every job or for one.

    >>> environment_name("lms-cassandra.host")
    'LERN_PIPELINE_LMS_CASSANDRA_HOST'
    """
    plain = _spelled(name)
    return f"{ENVIRONMENT_PREFIX}{plain}" if job is None else f"{ENVIRONMENT_PREFIX}JOBS_{_spelled(job)}__{plain}"


def _spelled(name: str) -> str:
    return "".join(character if character.isascii() and character.isalnum() else "_" for character in name).upper()
