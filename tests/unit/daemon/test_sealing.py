"""Credentials that are stored are unreadable, but to who has the key."""

from __future__ import annotations

import pytest

from protocol.backup import Keys
from scheduler.daemon.sealing import Sealer, WeakKey

KEYS = Keys("canary-access", "canary-secret", "canary-token")
KEY = "k" * 32


def test_what_is_sealed_is_opened_with_the_same_key_alone() -> None:
    sealed = Sealer(KEY).seal(KEYS)
    assert "canary" not in sealed
    assert Sealer(KEY).open(sealed) == KEYS
    assert Sealer("other" * 8).open(sealed) is None
    assert Sealer(KEY).open(sealed[:-4] + "AAA=") is None


def test_without_a_key_nothing_is_stored() -> None:
    assert Sealer().seal(KEYS) == ""
    assert Sealer().open(Sealer(KEY).seal(KEYS)) is None
    assert Sealer(KEY).seal(None) == ""


def test_a_short_key_is_refused() -> None:
    with pytest.raises(WeakKey, match="at least 32 characters"):
        Sealer("short")
