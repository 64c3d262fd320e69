"""SIGKILL for the scheduler while it deploys, at every kind of call: it goes on where it was."""

from __future__ import annotations

import threading

import pytest

from tests.integration.deployment.conftest import Deploy
from tests.integration.deployment.harness import (
    Deployment,
    alive,
    assert_nothing_is_left_over,
    wait_for,
)
from tests.integration.deployment.proxy import Moment

pytestmark = pytest.mark.needs("java", "mvn")

Moments = list[tuple[str, Moment]]

LAUNCH: Moments = [
    ("SUBSCRIBE", "before"),
    ("SUBSCRIBE", "after"),
    ("REVIVE", "before"),
    ("REVIVE", "after"),
    ("ACCEPT", "before"),
    ("RECONCILE", "before"),
    ("RECONCILE", "after"),
    ("ACCEPT", "after"),
    ("DECLINE", "before"),
]
UPDATES: Moments = [
    ("ACKNOWLEDGE", "before"),
    ("ACKNOWLEDGE", "after"),
    ("ACKNOWLEDGE", "before"),
    ("ACCEPT", "after"),
    ("ACKNOWLEDGE", "after"),
    ("MESSAGE", "before"),
    ("ACCEPT", "before"),
    ("ACKNOWLEDGE", "before"),
    ("MESSAGE", "after"),
]


class Killer:
    """Kills the scheduler at one moment after the other."""

    def __init__(self, deployment: Deployment, moments: Moments) -> None:
        self._deployment = deployment
        self._left = list(moments)
        self._lock = threading.Lock()
        self._struck = threading.Event()
        deployment.proxy.watch = self._meets

    def _meets(self, kind: str, moment: Moment) -> bool:
        with self._lock:
            if not self._left or self._left[0] != (kind, moment):
                return self._struck.is_set()
            del self._left[0]
            self._struck.set()
            self._deployment.kill_scheduler()
            return True

    def raise_the_dead(self) -> None:
        """Start the scheduler again each time that it was killed, until there is no moment left."""
        while self._left or self._struck.is_set():
            wait_for(lambda: self._deployment.scheduler_died, f"the end of the scheduler at {self._left[:1]}")
            assert self._struck.is_set(), f"the scheduler ended by itself before {self._left[:1]}"
            # From here on calls are the next scheduler's.
            self._struck.clear()
            self._deployment.bring_back_scheduler()


@pytest.mark.parametrize("moments", [LAUNCH, UPDATES], ids=["launch", "updates"])
def test_a_scheduler_that_is_killed_while_it_deploys_goes_on_where_it_was(
    deploy: Deploy, moments: Moments
) -> None:
    deployment = deploy()
    killer = Killer(deployment, moments)
    deployment.start_scheduler()
    killer.raise_the_dead()
    for name in ("node-0", "node-1", "node-2"):
        deployment.await_complete(name)
    starts = deployment.starts()
    assert [len(pids) for pids in starts.values()] == [1, 1, 1]
    assert all(alive(pid) for (pid,) in starts.values())
    assert_nothing_is_left_over(deployment)
