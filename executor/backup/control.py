"""What a transfer is turned and read by while it runs, from any thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from backup.s3.client import Client
from executor.failure import Stopped

RATE_SECONDS = 10.0
"""What "of late" means for a rate."""

BURST_SECONDS = 0.1
"""How much of its rate a throttle lets through at once."""

LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a transfer is.

    ``bytes_done`` counts what need not be transferred too; ``sent_bytes`` only what went over the network,
    with ``rate`` bytes a second of late. ``waiting_for`` is why a request is being tried again.
    """

    bytes_done: int = 0
    bytes_total: int = 0
    files_done: int = 0
    files_total: int = 0
    sent_bytes: int = 0
    rate: float = 0.0
    eta_seconds: float | None = None
    doing: str = ""
    waiting_for: str | None = None


class Throttle:
    """Lets bytes through at a rate, which may change at any time; all at once without one."""

    def __init__(self, bytes_per_second: float | None = None) -> None:
        self._changed = threading.Condition()
        self._rate = bytes_per_second
        self._free_at = 0.0

    def set(self, bytes_per_second: float | None) -> None:
        """Change the rate; None takes it away. Whoever waits goes by the new one."""
        with self._changed:
            if bytes_per_second == self._rate:
                return
            self._rate = bytes_per_second
            self._free_at = 0.0
            self._changed.notify_all()

    def take(self, wanted: int, seconds: float) -> int:
        """How many of so many bytes may go now; 0 where none may within so many seconds."""
        with self._changed:
            now = time.monotonic()
            if self._rate is not None and self._free_at > now:
                self._changed.wait(min(self._free_at - now, seconds))
                now = time.monotonic()
            if self._rate is None:
                return wanted
            if self._free_at > now:
                return 0
            granted = max(1, min(wanted, int(self._rate * BURST_SECONDS)))
            self._free_at = max(self._free_at, now - BURST_SECONDS) + granted / self._rate
            return granted


class Control:
    """One for each transfer, which is its ``Meter`` too."""

    def __init__(self, bytes_per_second: float | None = None) -> None:
        self.throttle = Throttle(bytes_per_second)
        self._lock = threading.Lock()
        self._ending: str | None = None
        self._stopped = False
        self._done = [0, 0]
        self._total = [0, 0]
        self._sent = 0
        self._marks: deque[tuple[float, int]] = deque()
        self._doing = ""
        self._waiting: dict[int, str] = {}

    def stop(self) -> None:
        """Have the transfer end soon: it raises Stopped."""
        self._stopped = True

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped

    def client(self, client: Client) -> Client:
        """The same client, bound to this transfer."""
        return client.metered(self, self._retries)

    def grant(self, wanted: int) -> int:
        """See ``Meter``."""
        while True:
            self.check()
            if granted := self.throttle.take(wanted, LOOK_SECONDS):
                self._count_sent(granted)
                return granted

    def check(self) -> None:
        """See ``Meter``. Raises Stopped."""
        if self._stopped:
            raise Stopped("the transfer was told to stop")

    def pause(self, seconds: float) -> None:
        """Wait so many seconds. Raises Stopped."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, LOOK_SECONDS))

    def expect(self, files: int, size: int) -> None:
        """There is so much more to do."""
        with self._lock:
            self._total[0] += files
            self._total[1] += size

    def add(self, files: int, size: int) -> None:
        """So much more is done."""
        with self._lock:
            self._done[0] += files
            self._done[1] += size

    def doing(self, text: str) -> None:
        """What goes on now."""
        self._doing = text

    def progress(self) -> Progress:
        """How far it is."""
        with self._lock:
            self._mark(time.monotonic())
            rate = self._rate()
            left = self._total[1] - self._done[1]
            waiting = next(iter(self._waiting.values()), None)
            return Progress(
                bytes_done=self._done[1],
                bytes_total=self._total[1],
                files_done=self._done[0],
                files_total=self._total[0],
                sent_bytes=self._sent,
                rate=rate,
                eta_seconds=left / rate if rate else None,
                doing=self._doing,
                waiting_for=waiting,
            )

    def _retries(self, reason: str | None) -> None:
        with self._lock:
            if reason is None:
                self._waiting.pop(threading.get_ident(), None)
            else:
                self._waiting[threading.get_ident()] = reason

    def _count_sent(self, count: int) -> None:
        with self._lock:
            self._sent += count

    def _mark(self, now: float) -> None:
        self._marks.append((now, self._sent))
        while len(self._marks) > 2 and self._marks[1][0] < now - RATE_SECONDS:
            self._marks.popleft()

    def _rate(self) -> float:
        (since, before), (now, sent) = self._marks[0], self._marks[-1]
        return (sent - before) / (now - since) if now > since else 0.0
