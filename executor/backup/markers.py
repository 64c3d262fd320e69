"""Markers keep a backup that is running and a deletion apart, also those of different clusters.

Each writes its own first and then looks for the other's: of two that begin at the same time at least one sees
the other. A deletion that sees a backup leaves all objects; a backup that sees a deletion waits for its end.
All times are the store's.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from backup.keys import COLLECTING, RUNNING
from backup.s3.body import Bytes
from backup.s3.client import Client
from backup.s3.failure import Exists, NotOffered, S3Failed

log = logging.getLogger(__name__)

RUNNING_LIVES = timedelta(hours=24)
"""How long a backup's marker holds without being renewed: one that has crashed is waited for no longer."""

COLLECTING_LIVES = timedelta(minutes=15)
RENEW_SECONDS = 60.0
"""How old a marker may become before it is renewed."""

POLL_SECONDS = 5.0


class Marker:
    """One's own marker at a location."""

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._key = key
        self._lock = threading.Lock()
        self._renewed = float("-inf")

    @property
    def age_seconds(self) -> float:
        """How long ago it was written; less than by the store's clock never."""
        return time.monotonic() - self._renewed

    def renew(self) -> None:
        """Write it if it is older than RENEW_SECONDS; for any thread."""
        with self._lock:
            if self.age_seconds > RENEW_SECONDS:
                self.write()

    def write(self) -> None:
        """Write it now."""
        begun = time.monotonic()
        _put(self._client, self._key, only_new=False)
        self._renewed = begun

    def conditional(self) -> bool:
        """Whether the store refuses to write the marker again as new, as one without races must."""
        try:
            _put(self._client, self._key, only_new=True)
        except Exists:
            return True
        except NotOffered:
            return False
        return False

    def remove(self) -> None:
        """Take it away."""
        self._client.delete([self._key])

    def remove_quietly(self) -> None:
        """Take it away if that is possible; otherwise it expires."""
        try:
            self.remove()
        except S3Failed as error:
            log.warning("the marker %s stays until it expires: %s", self._key, error)

    def others(self, prefix: str, lives: timedelta) -> list[str]:
        """The keys of the live markers below a prefix, by the store's clock."""
        now = self.now()
        return [entry.key for entry in self._client.list(prefix) if now - entry.modified < lives]

    def now(self) -> datetime:
        """The store's time when the marker was written, or a little earlier than it is."""
        for entry in self._client.list(self._key):
            if entry.key == self._key:
                return entry.modified
        raise S3Failed(f"the marker {self._key} was removed by somebody else: start again")


def await_no_deletion(marker: Marker, pause: Callable[[float], None]) -> None:
    """Wait until no deletion runs; ``pause`` waits so many seconds, or raises."""
    while others := marker.others(COLLECTING, COLLECTING_LIVES):
        log.info("waiting for a deletion at the location to end: %s", others[0])
        pause(POLL_SECONDS)
        marker.write()


def running_backups(marker: Marker) -> list[str]:
    """Which backups are in progress."""
    keys = marker.others(RUNNING, RUNNING_LIVES)
    return sorted({key.removeprefix(RUNNING).partition("/")[0] for key in keys})


def _put(client: Client, key: str, *, only_new: bool) -> None:
    data = b"in progress\n"
    client.put(key, Bytes(data, hashlib.sha256(data).hexdigest()), only_new=only_new)
