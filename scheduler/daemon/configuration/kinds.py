"""Kinds of values: how each is read from text or YAML, and the rule it must keep."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from scheduler.model import placement

LONGEST_TEXT = 65536


class Kind(Protocol):
    """Reads values of one kind. Each raises ValueError for what it does not take; ``rule`` says why."""

    @property
    def rule(self) -> str:
        """What a value must be, to follow the words "is not"."""

    def from_text(self, text: str) -> Any:
        """Read the value of an environment variable."""

    def from_yaml(self, value: object) -> Any:
        """Read a value of the file, which must have its type already."""


@dataclass(frozen=True)
class Whole:
    """A whole number."""

    low: int
    high: int

    @property
    def rule(self) -> str:
        """See ``Kind``."""
        return f"a whole number from {self.low} to {self.high}"

    def from_text(self, text: str) -> int:
        """See ``Kind``."""
        if not re.fullmatch(r"-?[0-9]{1,20}", text.strip()):
            raise ValueError(text)
        return self.from_yaml(int(text))

    def from_yaml(self, value: object) -> int:
        """See ``Kind``."""
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError(value)
        return value


@dataclass(frozen=True)
class Number:
    """A number, with or without decimals."""

    low: float
    high: float

    @property
    def rule(self) -> str:
        """See ``Kind``."""
        return f"a number from {_plain(self.low)} to {_plain(self.high)}"

    def from_text(self, text: str) -> float:
        """See ``Kind``."""
        if not re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", text.strip()):
            raise ValueError(text)
        return self.from_yaml(float(text))

    def from_yaml(self, value: object) -> float:
        """See ``Kind``."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(value)
        if not self.low <= value <= self.high:
            raise ValueError(value)
        return float(value)


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


@dataclass(frozen=True)
class Flag:
    """True or false."""

    rule: str = "true or false"

    def from_text(self, text: str) -> bool:
        """See ``Kind``."""
        if text.strip().lower() not in ("true", "false"):
            raise ValueError(text)
        return text.strip().lower() == "true"

    def from_yaml(self, value: object) -> bool:
        """See ``Kind``."""
        if not isinstance(value, bool):
            raise ValueError(value)
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few words, in any case."""

    words: tuple[str, ...]

    @property
    def rule(self) -> str:
        """See ``Kind``."""
        return "one of " + ", ".join(self.words)

    def from_text(self, text: str) -> str:
        """See ``Kind``."""
        return self.from_yaml(text.strip())

    def from_yaml(self, value: object) -> str:
        """See ``Kind``."""
        found = [word for word in self.words if isinstance(value, str) and word.lower() == value.lower()]
        if not found:
            raise ValueError(value)
        return found[0]


def _anything(_text: str) -> bool:
    return True


@dataclass(frozen=True)
class Text:
    """One line of printable text, empty unless ``needed``; ``accepts`` tells what else it must be.

    ``expression`` says the same to others, where an expression can say it.
    """

    rule: str = "one line of printable text"
    accepts: Callable[[str], bool] = _anything
    needed: bool = False
    expression: str = ""

    def from_text(self, text: str) -> str:
        """See ``Kind``."""
        return self.from_yaml(text)

    def from_yaml(self, value: object) -> str:
        """See ``Kind``."""
        if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST_TEXT:
            raise ValueError(value)
        if not (self.accepts(value) if value else not self.needed):
            raise ValueError(value)
        return value


def pattern(rule: str, expression: str, needed: bool = False) -> Text:
    """Text that an expression matches as a whole."""
    compiled = re.compile(expression)
    return Text(rule, lambda text: compiled.fullmatch(text) is not None, needed, expression)


def is_address(text: str) -> bool:
    """Whether this is ``host:port``; an IPv6 address stands in brackets."""
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})", text)
    return match is not None and 1 <= int(match[2]) <= 65535


def is_address_list(text: str) -> bool:
    """Whether this is ``host:port,host:port,…``."""
    return all(is_address(part) for part in text.split(","))


def is_master(text: str) -> bool:
    """Whether this names a Mesos master: ``host:port`` or ``zk://[user:password@]host:port,…/path``."""
    if not text.startswith("zk://"):
        return is_address(text)
    servers, slash, path = text.removeprefix("zk://").rpartition("@")[2].partition("/")
    return is_address_list(servers) and bool(slash) and is_znode("/" + path)


def is_znode(text: str) -> bool:
    """Whether this is the absolute path of a znode other than the root."""
    return re.fullmatch(r"(/[A-Za-z0-9_.-]+)+/?", text) is not None


def is_role(text: str) -> bool:
    """Whether Mesos takes this as a role."""
    return re.search(r"[\s\\*]", text) is None and all(
        part not in ("", ".", "..") and not part.startswith("-") for part in text.split("/")
    )


def is_url(text: str, schemes: tuple[str, ...] = ("http", "https")) -> bool:
    """Whether this is a URL of one of the schemes with a host, or with a path where the scheme is file."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in schemes or " " in text:
        return False
    return parts.path.startswith("/") if parts.scheme == "file" else bool(parts.hostname)


def is_artifact(text: str) -> bool:
    """Whether this is where a tarball may be fetched from."""
    return is_url(text, ("http", "https", "file"))


def is_backup_location(text: str) -> bool:
    """Whether this names a bucket: ``s3://bucket[/prefix]`` or ``http(s)://host[:port]/bucket[/prefix]``."""
    if not is_url(text, ("s3", "http", "https")):
        return False
    return text.startswith("s3://") or urlsplit(text).path.strip("/") != ""


def is_url_list(text: str) -> bool:
    """Whether these are URLs separated by commas."""
    return all(is_url(part.strip()) for part in text.split(","))


@dataclass(frozen=True)
class PlacementConstraint:
    """Placement constraints, kept as their text."""

    rule: str = "a list of placement constraints field:OPERATOR[:parameter]"

    def from_text(self, text: str) -> str:
        """See ``Kind``."""
        return self.from_yaml(text)

    def from_yaml(self, value: object) -> str:
        """See ``Kind``. The error carries the parser's own sentence."""
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise ValueError(value)
        placement.parse(value)
        return value
