"""One ZooKeeper session: what a process may write and do hangs on it.

kazoo goes on with a new session once the old one has expired. Nothing that the old one allowed is allowed
in the new one, so here a session that is lost stays lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import ConnectionClosedError, ConnectionLoss, SessionExpiredError
from kazoo.handlers.gevent import SequentialGeventHandler
from kazoo.retry import KazooRetry
from kazoo.security import ACL, make_digest_acl

log = logging.getLogger(__name__)

SESSION_SECONDS = 10.0
"""Without a sign of life for so long a leader has lost its lead."""

LONGEST_PAUSE_SECONDS = 1.0
"""Between attempts to connect. kazoo's own pauses double up to an hour, which no session outlives."""

CONNECTING, CONNECTED, SUSPENDED, LOST = "connecting", "connected", "suspended", "lost"

T = TypeVar("T")


class Fenced(Exception):
    """Another leader has taken over, or the session is lost: nothing may be written or done any more."""


class FateUnknown(Fenced):
    """The session was lost before ZooKeeper told whether the last write took place."""


def connect(servers: str, auth: str) -> KazooClient:
    """A client for ``h1:p1,h2:p2``, not started. ``auth`` is ``user:password`` for digest ACLs, or empty."""
    options: dict[str, Any] = {}
    if auth:
        user, _, password = auth.partition(":")
        acl: ACL = make_digest_acl(user, password, all=True)
        options = {"auth_data": [("digest", auth)], "default_acl": [acl]}
    handler = SequentialGeventHandler()
    pauses = KazooRetry(max_tries=-1, max_delay=LONGEST_PAUSE_SECONDS, sleep_func=handler.sleep_func)
    return KazooClient(
        hosts=servers, timeout=SESSION_SECONDS, handler=handler, connection_retry=pauses, **options
    )


class Session:
    """The first session of a client, which is not started yet.

    ``on_lost`` is called once, from kazoo's own thread, when the session has ended unasked.
    ``suspended_since`` is when the connection broke, in seconds since the epoch; None while it stands.
    """

    def __init__(self, client: KazooClient, on_lost: Callable[[], None]) -> None:
        self._client = client
        self._on_lost = on_lost
        self._may_go_on = threading.Event()
        self._ended = False
        self.state = CONNECTING
        self.suspended_since: float | None = None
        client.add_listener(self._changed)

    @property
    def client(self) -> KazooClient:
        """To make one call with, at once: it may be lost by the next. Raises Fenced."""
        if self._ended:
            raise Fenced("the ZooKeeper session is lost")
        return self._client

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, for so many seconds, until ZooKeeper is connected. Raises Fenced once the session is lost."""
        connected = self._may_go_on.wait(timeout)
        if self._ended:
            raise Fenced("the ZooKeeper session is lost")
        return connected

    def patiently(self, ask: Callable[[KazooClient], T]) -> T:
        """Ask until there is an answer, however often the connection breaks. Raises Fenced."""
        while True:
            try:
                return ask(self.client)
            except ConnectionLoss:
                self.wait()
            except (SessionExpiredError, ConnectionClosedError):
                raise Fenced("the ZooKeeper session is lost") from None

    def end(self) -> None:
        """Allow nothing more, as asked; whoever waits gets Fenced."""
        self._ended = True
        self._may_go_on.set()

    def _changed(self, state: str) -> None:
        if self._ended:
            return
        before = self.state
        if state == KazooState.CONNECTED:
            self.state, self.suspended_since = CONNECTED, None
            self._may_go_on.set()
        elif state == KazooState.SUSPENDED:
            self.state, self.suspended_since = SUSPENDED, time.time()
            self._may_go_on.clear()
        elif before != CONNECTING:
            self.state = LOST
            self.suspended_since = self.suspended_since or time.time()
            self.end()
            self._on_lost()
        log.info("ZooKeeper session %s", self.state)
