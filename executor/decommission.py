"""Having a node hand its data over to the others and leave the ring, which may take hours.

The order may come any number of times, also to an executor that has never heard of it: what Cassandra says
of itself decides what is done. The scheduler goes on ordering until the node has left.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from executor.failure import NotAnswering, Refused
from executor.management import Management
from protocol.leaving import Leaving

log = logging.getLogger(__name__)

STATUS_SECONDS = 0.9

READY = frozenset({"NORMAL", "DECOMMISSION_FAILED"})
"""Modes in which a node can be told to leave; in any other it leaves already, has left, or has to wait."""


class Started(Protocol):
    """What is needed of a started Cassandra."""

    def management(self) -> Management:
        """A new connection to it, for one thread."""


class Decommission:
    """Carries the order out, at most once at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._problem = ""

    def order(self, started: Started) -> Leaving:
        """Have the node leave, unless it does already; how far it is. Raises NotAnswering."""
        with closing(started.management()) as management:
            mode = management.status(STATUS_SECONDS).mode
            if mode in READY:
                self._begin(started.management)
            sent, total = management.sent() if mode == "LEAVING" else (0, 0)
        return Leaving(mode, sent, total, self._problem)

    def _begin(self, connect: Callable[[], Management]) -> None:
        with self._lock:
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(
                    target=self._work, args=(connect,), name="decommission", daemon=True
                )
                self._worker.start()

    def _work(self, connect: Callable[[], Management]) -> None:
        try:
            with closing(connect()) as management:
                management.decommission()
            self._problem = ""
        except Refused as error:
            self._problem = str(error)
            log.warning("the node does not leave: %s", error)
        except NotAnswering as error:
            # It may be leaving all the same: its mode will tell.
            log.warning("nothing was heard of the decommission: %s", error)
