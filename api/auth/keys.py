"""The keys that JSON Web Tokens are checked with: a JWKS from a file or URL, or one shared secret."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jwt

from scheduler.daemon.configuration.masking import masked
from scheduler.daemon.service import Unavailable

log = logging.getLogger(__name__)

LEAST_SECRET_BYTES = 32
MOST_BYTES = 1 << 20
FETCH_SECONDS = 5.0

FRESH_SECONDS = 600.0
"""Keys from a URL are taken as withdrawn if it does not name them any more, after so long."""

PAUSE_SECONDS = 30.0
"""A URL is not asked more often, whatever tokens come."""


@dataclass(frozen=True)
class Key:
    """A key, and the one algorithm that it is for: no token chooses how it is checked."""

    id: str | None
    algorithm: str
    value: Any


class Keys(Protocol):
    """Where keys come from."""

    def matching(self, key_id: str | None) -> tuple[Key, ...]:
        """The keys that a token naming this one may be signed with. Raises Unavailable."""


def read_keys(text: str) -> tuple[Key, ...]:
    """The keys of a JWKS; a text that is no JSON is a secret for HS256. Raises ValueError with a sentence."""
    try:
        data = json.loads(text)
    except ValueError:
        return (_secret(text.strip()),)
    if not isinstance(data, dict) or not isinstance(data.get("keys"), list):
        raise ValueError("it is JSON, but no JWKS: it has no list of keys")
    found = tuple(key for item in data["keys"] if (key := _key(item)) is not None)
    if not found:
        raise ValueError("its JWKS has no RSA key for signatures")
    return found


def _secret(text: str) -> Key:
    if len(text.encode()) < LEAST_SECRET_BYTES:
        raise ValueError(f"its secret is shorter than {LEAST_SECRET_BYTES} bytes")
    return Key(None, "HS256", text.encode())


def _key(item: Any) -> Key | None:
    """A key for RS256; None for those of other kinds, which tokens of other services may need."""
    if not isinstance(item, dict) or item.get("kty") != "RSA" or item.get("use", "sig") != "sig":
        return None
    if item.get("alg", "RS256") != "RS256":
        return None
    try:
        return Key(item.get("kid"), "RS256", jwt.PyJWK(item, "RS256").key)
    except (jwt.PyJWTError, ValueError) as error:
        raise ValueError(f"a key of its JWKS cannot be read: {error}") from None


def _matching(keys: tuple[Key, ...], key_id: str | None) -> tuple[Key, ...]:
    """A token or key that does not say which it is may be any."""
    return tuple(key for key in keys if None in (key_id, key.id) or key.id == key_id)


class FixedKeys:
    """Keys that were read once."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self._keys = keys

    def matching(self, key_id: str | None) -> tuple[Key, ...]:
        """See ``Keys``."""
        return _matching(self._keys, key_id)


class FetchedKeys:
    """Keys at a URL, fetched when first needed, now and then, and when a token names one that is new."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = threading.Lock()

    def matching(self, key_id: str | None) -> tuple[Key, ...]:
        """See ``Keys``."""
        with self._lock:
            now = self._clock()
            known = _matching(self._keys, key_id)
            wanted = not known or now - self._fetched_at > FRESH_SECONDS
            if wanted and now - self._tried_at > PAUSE_SECONDS:
                self._tried_at = now
                self._fetch(now)
        if not self._keys:
            raise Unavailable(
                f"the keys at {masked(self._url)} cannot be had, so no token can be checked; try again"
            )
        return _matching(self._keys, key_id)

    def _fetch(self, now: float) -> None:
        """Fetch; where that fails, what is known goes on being used."""
        try:
            with urllib.request.urlopen(self._url, timeout=FETCH_SECONDS) as answer:
                self._keys = read_keys(answer.read(MOST_BYTES).decode())
        except (OSError, ValueError) as error:
            log.warning("the keys at %s cannot be had: %s", masked(self._url), error)
        else:
            self._fetched_at = now


def keys_at(place: str) -> Keys:
    """The keys at a URL or in a file. Raises ValueError where the file has none, OSError."""
    if place.startswith(("http://", "https://")):
        return FetchedKeys(place)
    return FixedKeys(read_keys(Path(place).read_text()))
