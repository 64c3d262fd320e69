"""Several threads on one supply of tasks; the first failure ends them all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from backup.s3.client import Client

THREADS = 4
"""Two more than what one core hashes and sends, so that a slow answer keeps none waiting."""

Task = Callable[[], None]


class Workers:
    """Does tasks of one transfer."""

    def __init__(self, client: Client, threads: int) -> None:
        self._client = client
        self._threads = threads
        self._lock = threading.Lock()
        self._failures: list[BaseException] = []

    def run(self, tasks: Iterable[Task]) -> None:
        """Do them all. Raises what the first that fails raises, once none runs any more.

        Tasks are taken from the iterable one by one, as threads are free, so it may make them as it goes.
        """
        supply = iter(tasks)
        threads = [
            threading.Thread(target=self._work, args=(supply,), name=f"transfer-{number}", daemon=True)
            for number in range(self._threads)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _work(self, supply: Iterator[Task]) -> None:
        try:
            while (task := self._next(supply)) is not None:
                task()
        except BaseException as error:  # noqa: BLE001  raised again by run
            self._failures.append(error)
        finally:
            self._client.close()

    def _next(self, supply: Iterator[Task]) -> Task | None:
        with self._lock:
            return None if self._failures else next(supply, None)


class CountDown:
    """Tells which of several tasks is the last to end."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = threading.Lock()

    def last(self) -> bool:
        """One has ended: whether it was the last."""
        with self._lock:
            self._left -= 1
            return self._left == 0
