"""The loop that keeps one subscription alive: subscribe, read events, wait, subscribe again."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Protocol
from urllib.parse import urlsplit

from transport.backoff import Delay
from transport.http import AnswerLost, Json, Stream, Unreachable, subscribe
from transport.recordio import RecordError

log = logging.getLogger(__name__)

MAX_HOPS = 5
"""So many redirects in a row are followed at once; masters that point at each other are waited for."""

REDIRECT = 307


class Halt(Exception):
    """Raised by a subscriber: the loop ends for good."""


@dataclass(frozen=True)
class Subscription:
    """A SUBSCRIBE call about to be sent."""

    path: str
    body: Json
    headers: Mapping[str, str]


class Subscriber(Protocol):
    """Whose subscription it is. All is called on the loop's thread; any method may raise Halt.

    What else ``received`` raises is logged and the event passed over: Mesos repeats what matters.
    """

    def address(self) -> str | None:
        """Where to subscribe, host:port; None while that is not known (``wake`` tells that it is)."""

    def subscription(self) -> Subscription:
        """The call to send: asked before every single SUBSCRIBE."""

    def refused(self, status: int, text: str) -> None:
        """The answer was neither a stream nor a redirect. Subscribes again unless this raises Halt."""

    def opened(self, address: str, stream: Stream) -> None:
        """A stream has begun."""

    def received(self, event: bytes) -> None:
        """An event has come, in JSON."""

    def closed(self, reason: str) -> None:
        """The stream that ``opened`` told of has ended; not called for the end that ``stop`` brings."""


@dataclass(frozen=True)
class Timing:
    """Times in seconds.

    ``answer`` is how long connecting and the answer to SUBSCRIBE may take. ``delay`` gives the waits
    between attempts; a stream that lasted ``settled`` makes the count of failures begin anew.
    """

    delay: Delay
    answer: float = 10.0
    settled: float = 30.0


class Loop:
    """Runs a subscriber's subscription, on a thread of its own (``start``) or the caller's (``run``)."""

    def __init__(self, subscriber: Subscriber, timing: Timing) -> None:
        self._subscriber = subscriber
        self._timing = timing
        self._stream: Stream | None = None
        self._stopped = False
        self._finished = False
        self._reason = ""
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self.run, name="mesos-events", daemon=True)

    def start(self) -> None:
        """Run on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End for good, from any thread; returns at once."""
        self._stopped = True
        self.reconnect("stopped")
        self.wake()

    def finish(self) -> None:
        """Never subscribe again; the present stream lasts until either side ends it."""
        self._finished = True

    def join(self, timeout: float) -> None:
        """Wait for the loop's own thread to end; does nothing on that thread itself."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def reconnect(self, reason: str) -> None:
        """End the present stream, if there is one; the loop then subscribes again."""
        self._reason = reason
        stream = self._stream
        if stream is not None:
            stream.interrupt()

    def wake(self) -> None:
        """Cut a wait short: there is a new address to subscribe at."""
        self._wake.set()

    def run(self) -> None:
        """Keep subscribed until ``stop`` or Halt."""
        failures = 0
        with contextlib.suppress(Halt):
            while not self._stopped and not self._finished:
                address = self._subscriber.address()
                if address is None:
                    self._pause(None)
                    continue
                began = time.monotonic()
                self._try(address)
                failures = 1 if time.monotonic() - began >= self._timing.settled else failures + 1
                self._pause(self._timing.delay(failures))

    def _pause(self, seconds: float | None) -> None:
        if not self._stopped:
            self._wake.wait(seconds)
            self._wake.clear()

    def _try(self, address: str) -> None:
        try:
            self._attempt(address)
        except Halt:
            raise
        except Exception:  # whatever it was, without the loop nothing would ever go right
            log.exception("the subscription failed")

    def _attempt(self, address: str) -> None:
        """Subscribe once, at the address that redirects lead to, and stay until the stream ends."""
        for _ in range(MAX_HOPS):
            elsewhere = self._subscribe(address)
            if elsewhere is None or self._stopped or self._finished:
                return
            address = elsewhere
        log.warning("too many redirects, the last one to %s", address)

    def _subscribe(self, address: str) -> str | None:
        """Subscribe at an address and read all events; the address to go on to at once, None to wait."""
        call = self._subscriber.subscription()
        try:
            stream = subscribe(address, call.path, call.body, call.headers, self._timing.answer)
        except (Unreachable, AnswerLost) as error:
            log.warning("not subscribed: %s", error)
            return None
        with contextlib.closing(stream):
            if stream.status == REDIRECT:
                return _elsewhere(address, stream.location)
            if stream.status == 200:
                self._read(address, stream)
            else:
                self._turned_away(address, stream)
        return None

    def _turned_away(self, address: str, stream: Stream) -> None:
        text = stream.text()
        log.warning("not subscribed: %s answers %d %s", address, stream.status, text)
        self._subscriber.refused(stream.status, text)

    def _read(self, address: str, stream: Stream) -> None:
        self._reason = ""
        self._stream = stream
        try:
            if self._stopped:
                return
            self._subscriber.opened(address, stream)
            reason = self._dispatch(stream)
        finally:
            self._stream = None
        if not self._stopped:
            reason = self._reason or reason
            log.warning("the event stream of %s has ended: %s", address, reason)
            self._subscriber.closed(reason)

    def _dispatch(self, stream: Stream) -> str:
        """Hand every event on; why they ended."""
        try:
            for event in stream.events():
                self._hand_on(event)
                # Where threads are cooperative, a stream that never runs dry would let no other one run.
                time.sleep(0)
        except TimeoutError:
            return "no sign of life"
        except (OSError, HTTPException, RecordError) as error:
            return str(error) or type(error).__name__
        return "closed by the other side"

    def _hand_on(self, event: bytes) -> None:
        if self._stopped:
            return
        try:
            self._subscriber.received(event)
        except Halt:
            raise
        except Exception:  # one event must not cost the others, and an OSError here is not the stream's
            log.exception("an event of %d bytes could not be handled", len(event))


def _elsewhere(address: str, location: str | None) -> str | None:
    """The host:port that a redirect names, ``//host:port/path`` from Mesos; None where it names us again."""
    target = urlsplit(location or "").netloc
    if not target or target == address:
        log.warning("not subscribed: %s redirects to %s", address, location)
        return None
    log.info("%s redirects to %s", address, target)
    return target
