"""The scheduler's word to the task that runs: held in memory alone, for it may carry credentials."""

from __future__ import annotations

import dataclasses
import threading

from executor.failure import Stopped
from executor.stop import StopOrder
from protocol.backup import Word

POLL_SECONDS = 0.5


class Words:
    """The last word to one task. Safe to use from any thread."""

    def __init__(self, own_credentials: bool) -> None:
        self._own_credentials = own_credentials
        self._changed = threading.Condition()
        self._word = Word("")

    def give(self, word: Word) -> None:
        """Take a new word. A leader that does not know the credentials takes none away."""
        with self._changed:
            keys, login = word.keys or self._word.keys, word.login or self._word.login
            self._word = dataclasses.replace(word, keys=keys, login=login)
            self._changed.notify_all()

    @property
    def last(self) -> Word:
        """The last word."""
        return self._word

    def await_go(self, order: StopOrder) -> Word:
        """Wait until the task may begin. Raises Stopped."""
        with self._changed:
            while not self._may_begin():
                if order.given:
                    raise Stopped("stopped before it began")
                self._changed.wait(POLL_SECONDS)
            return self._word

    def _may_begin(self) -> bool:
        return self._word.go and (self._own_credentials or self._word.keys is not None)

    def waiting_for(self) -> str:
        """What ``await_go`` waits for, in words."""
        if not self._word.task:
            return "the scheduler's word"
        if not self._own_credentials and self._word.keys is None:
            return "the S3 credentials"
        return "the other nodes to be ready"
