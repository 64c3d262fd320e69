"""What a setting is: its variable, where it stands in ``Settings``, its rule and its meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.daemon.configuration.kinds import Kind

Values = Mapping[str, Any]
"""Values by variable name: those of the settings further up in the table, and what the start is told."""

RUNNING_USER = "RUNNING_USER"
MARATHON_APP = "MARATHON_APP_ID"


@dataclass(frozen=True)
class Setting:
    """One setting.

    ``path`` leads to its field in ``Settings``; it is empty where a setting only serves to derive another.
    The default is that field's, unless ``derive`` makes one of ``Values``; ``derived`` says how, in words.
    """

    name: str
    path: str
    kind: Kind
    meaning: str
    derived: str = ""
    derive: Callable[[Values], Any] | None = None
    secret: bool = False

    @property
    def key(self) -> str:
        """Its key in the file: the variable's name in lower case."""
        return self.name.lower()


@dataclass(frozen=True)
class Section:
    """Settings that belong together, under a heading."""

    title: str
    settings: tuple[Setting, ...]


def always(value: Any) -> Callable[[Values], Any]:
    """Derives the same, whatever the other values are."""
    return lambda _values: value
