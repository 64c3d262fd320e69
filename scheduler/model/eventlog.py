"""The event log: what happened and who ordered it, for people to read. Nothing is decided by it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One thing that happened, at a time in seconds since the epoch.

    ``number`` counts the entries of a cluster's life. ``kind`` is order, node, operation or service;
    ``subject`` names the node, plan or operation that it is about. ``what`` says what happened and ``why``
    the reason, where it is known. ``who`` ordered it, and from where (``origin``); both are empty where the
    service did it by itself.
    """

    number: int
    at: float
    kind: str
    subject: str
    what: str
    why: str = ""
    who: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Page:
    """Entries that are stored in one record, in their order. ``number`` is the page's place on the ring."""

    number: int
    entries: tuple[Entry, ...]

    @property
    def id(self) -> str:
        """The record's name."""
        return f"{self.number:08d}"
