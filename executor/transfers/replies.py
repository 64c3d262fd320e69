"""What is answered of backups: words to tasks, tidying up, and questions on a place."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from executor.answers import Started
from executor.transfers import checking
from executor.transfers.swap import tidy
from protocol.backup import Ask, Tidy, Word
from protocol.codec import Json, decode, encode
from protocol.message import BACKUPS, PLACE, TIDY, WORD, Message

REMEMBERED = 100
"""So many orders to tidy up are remembered, the last ones."""


class Desk(Protocol):
    """Who hands words on."""

    def word(self, word: Word) -> None:
        """Hand a word to its task. Raises NotAnswering."""


def replies(desk: Desk, started: Callable[[], Started]) -> dict[str, Callable[[Message], Json]]:
    """The answers by their subjects; they raise NotAnswering, DecodeError and OSError."""

    def word(question: Message) -> Json:
        taken = decode(Word, question.body)
        desk.word(taken)
        return {"task": taken.task}

    done: deque[str] = deque(maxlen=REMEMBERED)

    def tidied(question: Message) -> Json:
        # One that comes again may be late: what it does not keep may be of an operation that has begun since.
        if question.id not in done:
            cassandra = started()
            tidy(cassandra.layout, cassandra.jolokia(), decode(Tidy, question.body))
            done.append(question.id)
        return {}

    def place(question: Message) -> Json:
        return encode(checking.look(decode(Ask, question.body)))

    def backups(question: Message) -> Json:
        return encode(checking.list_all(decode(Ask, question.body)))

    return {WORD: word, TIDY: tidied, PLACE: place, BACKUPS: backups}
