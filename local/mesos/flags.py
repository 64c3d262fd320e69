"""Command line flags in the form of Mesos: ``--name=value``, ``--name value``, ``--name``, ``--no-name``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from local.mesos import duration


class FlagError(ValueError):
    """A flag is unknown, or its value means nothing."""


class Flags:
    """All flags of a process as text, those not given with their defaults."""

    def __init__(self, defaults: Mapping[str, str], given: Mapping[str, str]) -> None:
        self._values = {**defaults, **given}

    def as_dict(self) -> dict[str, str]:
        """Every flag that has a value, by name."""
        return dict(sorted(self._values.items()))

    def text(self, name: str, default: str = "") -> str:
        """The value as it is."""
        return self._values.get(name, default)

    def is_on(self, name: str) -> bool:
        """A flag that is true or false."""
        value = self._values.get(name, "false")
        if value not in ("true", "false", "1", "0"):
            raise FlagError(f"--{name} is true or false, not '{value}'")
        return value in ("true", "1")

    def seconds(self, name: str) -> float:
        """A duration."""
        try:
            return duration.parse(self._values[name])
        except ValueError as error:
            raise FlagError(f"--{name}: {error}") from error

    def number(self, name: str) -> int:
        """A whole number."""
        try:
            return int(self._values[name])
        except ValueError as error:
            raise FlagError(f"--{name} is a number, not '{self._values[name]}'") from error


def read(arguments: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """The flags given on a command line, with ``_`` for ``-`` in names. Raises FlagError."""
    names, given = set(known), {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("--"):
            raise FlagError(f"expected --flag=value, not '{argument}'")
        name, equals, value = argument[2:].partition("=")
        name = name.replace("-", "_")
        if not equals and name not in names and name.removeprefix("no_") in names:
            name, value = name.removeprefix("no_"), "false"
        elif not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        if name not in names:
            raise FlagError(f"there is no flag --{name}")
        given[name] = value
    return given
