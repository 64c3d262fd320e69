"""Encrypting what secret has to outlive a leader, with a key that lies outside ZooKeeper."""

from __future__ import annotations

import base64
import hashlib
import json
import logging

from cryptography.fernet import Fernet, InvalidToken

from protocol.backup import Keys
from protocol.codec import decode, encode

log = logging.getLogger(__name__)

LEAST_CHARACTERS = 32
"""A key of fewer could be guessed."""


class WeakKey(ValueError):
    """A key that is too short; the message says what to do."""


class Sealer:
    """Seals and opens credentials; without a key it seals nothing, and nothing is stored of them."""

    def __init__(self, key: str = "") -> None:
        """``key`` is the content of SECRETS_KEY_FILE, any text long enough. Raises WeakKey."""
        if key and len(key) < LEAST_CHARACTERS:
            raise WeakKey(
                f"the key must have at least {LEAST_CHARACTERS} characters, such as "
                "head -c 32 /dev/urandom | base64 makes"
            )
        digest = hashlib.sha256(key.encode()).digest()
        self._cipher = Fernet(base64.urlsafe_b64encode(digest)) if key else None

    def seal(self, keys: Keys | None) -> str:
        """As it may be stored; empty where there is nothing to seal, or nothing to seal it with."""
        if self._cipher is None or keys is None:
            return ""
        return self._cipher.encrypt(json.dumps(encode(keys)).encode()).decode()

    def open(self, sealed: str) -> Keys | None:
        """What was sealed; None where it was not, or with another key."""
        if self._cipher is None or not sealed:
            return None
        try:
            return decode(Keys, json.loads(self._cipher.decrypt(sealed.encode())))
        except (InvalidToken, ValueError):
            log.warning("stored credentials cannot be opened: SECRETS_KEY_FILE was another one then")
            return None
