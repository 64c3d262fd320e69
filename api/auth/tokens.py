"""Static tokens from a file: ``API_AUTH=token``."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from api.auth.callers import Caller, Unauthorized

ROLES = {"read-only": False, "read-write": True}

LEAST_LENGTH = 16

FORM = "<name> <read-only|read-write> <token>"


@dataclass(frozen=True)
class Entry:
    """A caller, and the SHA-256 of its token."""

    caller: Caller
    digest: bytes


class StaticTokens:
    """Tells callers by tokens that were given out beforehand."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)

    def __call__(self, token: str) -> Caller:
        """See ``Identify``. Each entry is compared, in a time that tells nothing of any of them."""
        digest = _digest(token)
        found = [entry.caller for entry in self._entries if hmac.compare_digest(entry.digest, digest)]
        if not found:
            raise Unauthorized("this token is not known; ask whoever runs the service for one")
        return found[0]


def read_tokens(text: str) -> StaticTokens:
    """Read a file: a line for each token, empty ones and those that begin with # aside.

    Raises ValueError with a sentence that names the line and nothing of what is secret.
    """
    entries: list[Entry] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            entries.append(_entry(number, line.split()))
    if not entries:
        raise ValueError(f"it has no token; each line is {FORM}")
    digests = [entry.digest for entry in entries]
    if len(set(digests)) < len(digests):
        raise ValueError("it has the same token twice; each caller needs one of its own")
    return StaticTokens(entries)


def _entry(number: int, words: list[str]) -> Entry:
    if len(words) != 3 or words[1] not in ROLES:
        raise ValueError(f"line {number} is not {FORM}")
    name, role, token = words
    if len(token) < LEAST_LENGTH:
        raise ValueError(f"the token in line {number} is shorter than {LEAST_LENGTH} characters")
    return Entry(Caller(name, ROLES[role]), _digest(token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
