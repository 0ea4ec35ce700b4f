"""The settings of one job, ready to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.catalogue import spellings, variables
from lern_pipeline.settings.variable import Kind, Value, Variable, environment_name

DEFAULT_ORIGIN = "default"
#: Followed by the name of the variable whose value was taken.
BORROWED = "default, as "
MASK = "******"


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """One setting for people to look at; the value of a secret is already masked."""

    name: str
    value: Value
    origin: str
    secret: bool
    meaning: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JobSettings:
    """The settings of one job, or (job None) those that every job has. Plain data: cheap, can be pickled.

    Asking for a name that the job does not have is a mistake of the caller and raises KeyError; asking for one as
    another kind than the catalogue says raises TypeError. A setting without a value raises ConfigurationError, except
    where the method's name says `optional`.
    """

    job: str | None
    values: Mapping[str, Value]
    #: Only of settings that somebody set or that fall back to another one.
    origins: Mapping[str, str]

    def with_values(self, values: Mapping[str, Value]) -> JobSettings:
        """The same with other values, by documented name."""
        return JobSettings(self.job, {**self.values, **values}, self.origins)

    def __repr__(self) -> str:
        # Never the values: there are secrets among them, and reprs end up in logs.
        return f"JobSettings(job={self.job!r}, env={self.env!r})"

    @property
    def env(self) -> str:
        """The environment's name, prefix of topics and groups."""
        return self.text("env")

    def text(self, name: str) -> str:
        value = self._needed(name, "text")
        return str(value)

    def optional_text(self, name: str) -> str | None:
        """The text, or None where it is not set or blank."""
        value = self._value(name, "text")
        return None if value is None or value == "" else str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; a plain text is split at its commas (broker lists, contact points)."""
        value = self._value(name, "texts", "text")
        if value is None:
            return ()
        if isinstance(value, tuple):
            return value
        return tuple(part for part in (part.strip() for part in str(value).split(",")) if part)

    def integer(self, name: str) -> int:
        value = self._needed(name, "integer")
        assert isinstance(value, int)
        return value

    def optional_integer(self, name: str) -> int | None:
        return None if self._value(name, "integer") is None else self.integer(name)

    def number(self, name: str) -> float:
        value = self._needed(name, "number", "integer")
        assert isinstance(value, int | float)
        return float(value)

    def flag(self, name: str) -> bool:
        return self._needed(name, "flag") is True

    def address(self, prefix: str) -> tuple[str, int]:
        """Host and port: `redis` gives `redis.host` and `redis.port`."""
        return self.text(f"{prefix}.host"), self.integer(f"{prefix}.port")

    def knows(self, name: str) -> bool:
        """Whether the job has such a setting."""
        return name in spellings(self.job)

    def origin(self, name: str) -> str:
        """Where the value comes from: `default`, `default, as redis.host`, an environment variable, a file."""
        return self.origins.get(self._documented(name), DEFAULT_ORIGIN)

    def is_default(self, name: str) -> bool:
        """Whether nobody set this very setting."""
        origin = self.origin(name)
        return origin == DEFAULT_ORIGIN or origin.startswith(BORROWED)

    def effective(self) -> list[EffectiveSetting]:
        """Every setting in catalogue order, secrets masked."""
        return [self._effective(variable) for variable in variables(self.job).values()]

    def _effective(self, variable: Variable) -> EffectiveSetting:
        value = self.values[variable.name]
        if variable.secret and value:
            value = MASK
        return EffectiveSetting(variable.name, value, self.origin(variable.name), variable.secret, variable.meaning)

    def _documented(self, name: str) -> str:
        try:
            return spellings(self.job)[name]
        except KeyError:
            raise KeyError(f"{self.job or 'the shared configuration'} has no setting {name}") from None

    def _value(self, name: str, *kinds: Kind) -> Value:
        documented = self._documented(name)
        kind = variables(self.job)[documented].kind
        if kind not in kinds:
            raise TypeError(f"{name} is of kind {kind}, asked for as {kinds[0]}")
        return self.values[documented]

    def _needed(self, name: str, *kinds: Kind) -> Value:
        value = self._value(name, *kinds)
        if value is None:
            who = f"{self.job} needs it" if self.job else "it is needed"
            raise ConfigurationError(
                f"{name} is not set and has no default: {who}; set it in the file of LERN_PIPELINE_CONFIG or as "
                f"environment variable {environment_name(name)}"
            )
        return value
