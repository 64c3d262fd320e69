"""Our driver on the stream of offers, in a process that is patched as the daemon's is."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402  all imports come after the patching
import threading  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402

from benchmarks.deciding import Decider, deploying, fits_of_all  # noqa: E402
from benchmarks.meter import Meter  # noqa: E402
from benchmarks.offer_stream import FIT, ROLE  # noqa: E402
from scheduler.mesos.detector import StaticDetector  # noqa: E402
from scheduler.mesos.driver import Driver, Framework  # noqa: E402
from scheduler.model.event import MesosEvent, OffersReceived  # noqa: E402
from scheduler.model.offer import Offer  # noqa: E402

Check = Callable[[Sequence[Offer]], bool]
"""Deals with a batch; whether that was done right."""


class Reader:
    """Takes batches until the meter has enough."""

    def __init__(self, check: Check, meter: Meter) -> None:
        self._check = check
        self._meter = meter
        self.wrong = 0
        self.done = threading.Event()

    def on_event(self, event: MesosEvent) -> None:
        """See ``Driver``."""
        if isinstance(event, OffersReceived) and not self.done.is_set():
            self.wrong += not self._check(event.offers)
            if self._meter.count(len(event.offers)):
                self.done.set()


def check_for(mode: str) -> Check:
    """The work of a mode, and whether its outcome is right."""
    if mode == "match":
        world = deploying()
        return lambda offers: fits_of_all(offers, world) == _fitting(offers)
    if mode == "decide":
        decider = Decider()
        return lambda offers: decider.accepted(offers) == _fitting(offers)[:1]
    return lambda offers: True


def _fitting(offers: Sequence[Offer]) -> list[str]:
    return [offer.id for offer in offers if offer.id.endswith(FIT)]


def main() -> None:
    """``reading.py MODE ADDRESS CPU_SECONDS`` prints the meter's report."""
    mode, address, cpu_seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    meter = Meter(cpu_seconds)
    reader = Reader(check_for(mode), meter)
    framework = Framework("benchmark", "root", "p", ROLE, 1.0)
    driver = Driver(framework, StaticDetector(address), reader.on_event, lambda: True)
    driver.start()
    reader.done.wait()
    print(meter.report(wrong=reader.wrong), flush=True)
    driver.stop()


if __name__ == "__main__":
    main()
