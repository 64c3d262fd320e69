"""What is answered of backups, to questions that may come late and twice."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from executor.transfers import replies as replying
from executor.transfers.replies import replies
from protocol.backup import Tidy
from protocol.codec import encode
from protocol.message import TIDY, Message


def test_what_was_tidied_up_is_not_again_when_the_order_comes_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[str] = []
    monkeypatch.setattr(replying, "tidy", lambda layout, jolokia, wanted: kept.append(wanted.keep))
    cassandra: Any = SimpleNamespace(layout=None, jolokia=lambda: None)
    answer = replies(SimpleNamespace(word=lambda word: None), lambda: cassandra)[TIDY]
    for ident, keep in (("first", ""), ("second", "op"), ("first", "")):
        assert answer(Message(ident, "node-0", TIDY, body=dict(encode(Tidy(keep))))) == {}
    assert kept == ["", "op"]
