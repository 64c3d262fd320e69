"""Compares what was recorded with what is seen, where ids, times, places and process ids must differ.

What differs has to differ in the same way each time: every id that was recorded stands for exactly one id
that is seen (``Bindings``). What was seen is first written in the places of the recording (``Places``).
All else is equal: every field, its type, the order of fields and of elements.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:-O[0-9]+)?"
    r"|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{22}==(?![A-Za-z0-9+/=])"
)
"""UUIDs as text (with the number of an offer, as others may have been made in between) and in base64."""

PIDS = frozenset({"executor_pid"})
SECONDS = range(1_700_000_000, 2_000_000_000)
NANOSECONDS = range(1_700_000_000 * 10**9, 2_000_000_000 * 10**9)
CLOCK_SECONDS = 2.0
"""By how much files' times and rounded ones may lie outside of a run."""


@dataclass(frozen=True)
class Difference:
    """Something that was recorded otherwise. ``place`` is the kind of message, ``field`` the path in it."""

    place: str
    field: str
    recorded: Any
    seen: Any

    def __str__(self) -> str:
        return f"{self.place} {self.field}: recorded {_short(self.recorded)}, seen {_short(self.seen)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:300]} … {text[-80:]}"


@dataclass(frozen=True)
class Places:
    """Where things were when they were recorded, by where they are now."""

    texts: Mapping[str, str]
    """Texts of now to those of the recording, such as directories and addresses; tried in this order."""
    numbers: Mapping[tuple[str, int | str], int | str] = field(default_factory=dict)
    """The same for numbers, with the name of their field."""

    def recorded(self, text: str) -> str:
        """A text of now as it would have been recorded."""
        for now, then in self.texts.items():
            text = text.replace(now, then)
        return text

    def written(self, value: Any, key: str = "") -> Any:
        """A JSON value of now with everything as it would have been recorded; ``key`` is the field's name."""
        if isinstance(value, dict):
            return {self.recorded(name): self.written(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self.written(item, key) for item in value]
        if isinstance(value, int | str):
            value = self.numbers.get((key, value), value)
        return self.recorded(value) if isinstance(value, str) else value

    def now(self, text: str) -> str:
        """A text of the recording as it has to be now."""
        for now, then in self.texts.items():
            text = text.replace(then, now)
        return text


class Bindings:
    """Which id of now stands for which recorded one. Each for one only."""

    def __init__(self) -> None:
        self._seen: dict[Any, Any] = {}
        self._recorded: dict[Any, Any] = {}

    def bind(self, recorded: Any, seen: Any) -> bool:
        """Let one stand for the other from now on; False where either stands for something else."""
        if recorded in self._seen or seen in self._recorded:
            return bool(self._seen.get(recorded) == seen)
        self._seen[recorded], self._recorded[seen] = seen, recorded
        return True

    def knows(self, seen: str) -> bool:
        """Whether this was recorded too."""
        return seen in self._recorded

    def now(self, text: str) -> str:
        """A recorded text with the ids of now. One that was never seen is new, and stands for itself."""

        def replace(match: re.Match[str]) -> str:
            token = match[0]
            if token not in self._seen:
                self.bind(token, token)
            return str(self._seen[token])

        return TOKEN.sub(replace, text)

    def recorded(self, text: str) -> str:
        """A text of now with the ids that were recorded, as far as they are known."""
        return TOKEN.sub(lambda match: str(self._recorded.get(match[0], match[0])), text)


class Matcher:
    """Compares; what it meets for the first time is bound. ``begun`` is the time at which the run began."""

    def __init__(self, places: Places, begun: float) -> None:
        self.places = places
        self.bindings = Bindings()
        self._begun = begun
        self._sent: set[float] = set()

    def outgoing(self, value: Any) -> Any:
        """What was recorded as sent, with the ids and places of now."""
        if isinstance(value, dict):
            return {key: self.outgoing(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.outgoing(item) for item in value]
        if isinstance(value, str):
            return self.places.now(self.bindings.now(value))
        if _is_time(value):
            self._sent.add(value)
        return value

    def compare(self, place: str, name: str, recorded: Any, seen: Any) -> Iterator[Difference]:
        """All differences of two JSON values; ``name`` is where in the message they are."""
        if isinstance(recorded, dict) and isinstance(seen, dict):
            yield from self._fields(place, name, recorded, seen)
        elif isinstance(recorded, list) and isinstance(seen, list):
            yield from self._elements(place, name, recorded, seen)
        elif not self._same(name.rpartition(".")[2], recorded, seen):
            yield Difference(place, name, recorded, self._shown(seen))

    def _fields(
        self, place: str, name: str, recorded: Mapping[str, Any], seen: Mapping[str, Any]
    ) -> Iterator[Difference]:
        by_key = {self._shown(key): value for key, value in seen.items()}
        common = [key for key in recorded if key in by_key]
        for key in recorded:
            if key not in by_key:
                yield Difference(place, f"{name}.{key}", recorded[key], None)
        for key, value in by_key.items():
            if key not in recorded:
                yield Difference(place, f"{name}.{key}", None, self._shown(value))
        if common != (order := [key for key in by_key if key in recorded]):
            yield Difference(place, f"{name} (order)", common, order)
        for key in common:
            yield from self.compare(place, f"{name}.{key}", recorded[key], by_key[key])

    def _elements(
        self, place: str, name: str, recorded: Sequence[Any], seen: Sequence[Any]
    ) -> Iterator[Difference]:
        if len(recorded) != len(seen):
            yield Difference(place, name, recorded, self._shown(seen))
            return
        for index, (one, other) in enumerate(zip(recorded, seen, strict=True)):
            yield from self.compare(place, f"{name}[{index}]", one, other)

    def _shown(self, seen: Any) -> Any:
        """What is seen, as it would have been recorded."""
        if isinstance(seen, str):
            return self.bindings.recorded(self.places.recorded(seen))
        return seen

    def _same(self, key: str, recorded: Any, seen: Any) -> bool:
        if type(recorded) is not type(seen):
            return False
        if isinstance(recorded, str):
            seen = self.places.numbers.get((key, seen), seen)
            return self._same_text(recorded, self.places.recorded(seen))
        if key in PIDS:
            return self.bindings.bind((key, recorded), (key, seen))
        if _is_time(recorded):
            return self._same_time(recorded, seen)
        if isinstance(recorded, int):
            seen = self.places.numbers.get((key, seen), seen)
        return bool(recorded == seen)

    def _same_text(self, recorded: str, seen: str) -> bool:
        if TOKEN.split(recorded) != TOKEN.split(seen):
            return False
        pairs = zip(TOKEN.findall(recorded), TOKEN.findall(seen), strict=True)
        return all(self.bindings.bind(one, other) for one, other in pairs)

    def _same_time(self, recorded: float, seen: float) -> bool:
        """A time that was sent comes back as it is; any other lies within this run."""
        if recorded in self._sent:
            return recorded == seen
        seconds = seen / 10**9 if int(seen) in NANOSECONDS else seen
        return self._begun - CLOCK_SECONDS <= seconds <= time.time() + CLOCK_SECONDS


def _is_time(value: Any) -> bool:
    """Whether a number is a time since the epoch, in seconds or nanoseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return int(value) in SECONDS or int(value) in NANOSECONDS
