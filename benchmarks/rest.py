"""How long calls of the REST API take while offers come in, beside a bare WSGI application.

    python -m benchmarks.rest [--seconds 20] [--rate 200] [--offers 200]

The scheduler's engine, driver and API run in a process of their own, with a ledger of 100 nodes of which one
wants an offer, and a master that sends ``--offers`` a second, none of which does. ZooKeeper is left out: an
order is stored in memory. A client sends ``--rate`` calls a second, each at its time whether or not those
before it are answered, so that a standstill counts for every call that it delays: mostly reads, of plans,
nodes, connection, health and events, with /metrics and an order now and then. The bare application answers
the same calls on the same server with a body of the same size.

Exits with 1 where a call fails, or the 99th percentile is TARGET_SECONDS or more.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from benchmarks.offer_stream import offer_master
from benchmarks.processes import heed_sigterm

TARGET_SECONDS = 0.05
CLIENTS = 48
BATCH = 100
WARM_UP_SECONDS = 3.0

CALLS = (
    ("GET", "/v1/plan"),
    ("GET", "/v1/nodes/50/info"),
    ("GET", "/v1/connection"),
    ("GET", "/v1/nodes/list"),
    ("GET", "/v1/health"),
    ("GET", "/v1/events"),
    ("GET", "/v1/plans/recovery"),
    ("GET", "/v1/seeds"),
    ("GET", "/v1/operations"),
    ("GET", "/v1/nodes/7/info"),
)
SELDOM = (("GET", "/metrics"), ("POST", "/v1/plan?cmd=interrupt"), ("GET", "/v1/debug/offers"))
"""One of these after each round of the others."""

REPOSITORY = Path(__file__).resolve().parent.parent

Call = tuple[str, str]


def calls() -> Iterator[Call]:
    """The calls in their order, without end."""
    for seldom in itertools.cycle(SELDOM):
        yield from CALLS
        yield seldom


class Load:
    """Sends calls at a rate and takes the time of each, from when it was due."""

    def __init__(self, port: int, rate: float, seconds: float) -> None:
        self._port = port
        self._rate = rate
        self._due = iter(zip(itertools.count(), calls(), strict=False))
        self._lock = threading.Lock()
        self._begun = time.monotonic() + 0.5
        self._seconds = seconds
        self.took: list[tuple[float, Call]] = []
        self.failures: list[str] = []

    def run(self) -> None:
        """Send them all."""
        threads = [threading.Thread(target=self._client) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        while True:
            with self._lock:
                number, call = next(self._due)
            due = self._begun + number / self._rate
            if due > self._begun + WARM_UP_SECONDS + self._seconds:
                break
            time.sleep(max(0.0, due - time.monotonic()))
            self._call(connection, call, due)
        connection.close()

    def _call(self, connection: HTTPConnection, call: Call, due: float) -> None:
        try:
            connection.request(*call)
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            self.failures.append(f"{call}: {error!r}")
            connection.close()
            return
        if answer.status >= 400:
            self.failures.append(f"{call}: {answer.status}")
        if due > self._begun + WARM_UP_SECONDS:
            self.took.append((time.monotonic() - due, call))


@contextmanager
def _serving(what: str, master: str) -> Iterator[int]:
    """A server in a process of its own; its port."""
    command = [sys.executable, "-m", "benchmarks.rest_server", what, master]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def percentile(sorted_seconds: list[float], share: float) -> float:
    """The time within which this share of the calls was answered."""
    return sorted_seconds[min(len(sorted_seconds) - 1, int(share * len(sorted_seconds)))]


def _measure(what: str, master: str, rate: float, seconds: float) -> tuple[float, list[str]]:
    with _serving(what, master) as port:
        load = Load(port, rate, seconds)
        load.run()
    took = sorted(second for second, _ in load.took)
    shares = [f"p{100 * share:g} {1000 * percentile(took, share):.1f} ms" for share in (0.5, 0.9, 0.99)]
    figures = ", ".join([*shares, f"longest {1000 * took[-1]:.1f} ms"])
    print(f"{what:10s} {len(took) / seconds:5.0f} calls/s  {figures}", flush=True)
    if what == "scheduler":
        _print_each(load.took)
    return percentile(took, 0.99), load.failures


def _print_each(took: list[tuple[float, Call]]) -> None:
    for call in (*CALLS, *SELDOM):
        own = sorted(seconds for seconds, of in took if of == call)
        if own:
            middle, late = 1000 * percentile(own, 0.5), 1000 * percentile(own, 0.99)
            print(f"    {' '.join(call):32s} p50 {middle:6.1f} ms  p99 {late:6.1f} ms")


def main() -> int:
    """Measure, print, judge."""
    heed_sigterm()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure each")
    parser.add_argument("--rate", type=float, default=200.0, help="calls a second")
    parser.add_argument("--offers", type=float, default=200.0, help="offers a second")
    options = parser.parse_args()
    with offer_master(BATCH, pause_seconds=BATCH / options.offers) as master:
        _measure("bare", master, options.rate, options.seconds)
        slowest, failures = _measure("scheduler", master, options.rate, options.seconds)
    for failure in failures[:10]:
        print(failure)
    return 1 if failures or slowest >= TARGET_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
