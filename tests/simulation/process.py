"""A program that runs until it has to wait, and may be stopped or killed at any point between two steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from tests.simulation.clock import Clock


class Crash(BaseException):
    """The process is killed, here and now. No ``except Exception`` of the program's sees it."""


class Process:
    """One process of the scheduler. ``main`` runs in a greenlet of its own, ``ended`` when it is over.

    ``points`` counts the places at which a kill or stop may hit. At the one numbered ``fuse`` the process
    crashes, or stands still for ``stop_seconds`` where these are given.
    """

    def __init__(self, clock: Clock, main: Callable[[], Any], ended: Callable[[Any], None]) -> None:
        self._clock = clock
        self._main = main
        self._ended = ended
        self._greenlet = greenlet(self._run)
        self._hub = getcurrent()
        self._token = 0
        self._held: tuple[int, bool] | None = None
        self.waiting = False
        self.stopped = False
        self.stood_still = 0.0
        self.on_stop: Callable[[float], None] = lambda seconds: None
        self.dead = False
        self.points = 0
        self.fuse: int | None = None
        self.stop_seconds: float | None = None
        self.crashes_here: Callable[[], bool] | None = None

    def start(self) -> None:
        """Begin."""
        self._clock.after(0.0, self._greenlet.switch)

    def _run(self) -> None:
        outcome: Any = None
        try:
            outcome = self._main()
        except Crash as crash:
            outcome = crash
        except GreenletExit:
            return
        self.dead = True
        self._ended(outcome)

    # Called from within.

    def point(self) -> None:
        """Somewhere between two steps: here it may be killed or stopped."""
        self.points += 1
        if self.crashes_here is not None and self.crashes_here():
            raise Crash
        if self.fuse is not None and self.points >= self.fuse:
            self.fuse = None
            if self.stop_seconds is None:
                raise Crash
            self.stop(self.stop_seconds)
            self.sleep(0.0)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until woken; False where the time was over first."""
        self._token += 1
        token = self._token
        timer = None if seconds is None else self._clock.after(seconds, self._resume, token, False)
        self.waiting = True
        woken: bool = self._hub.switch()
        self.waiting = False
        if timer is not None:
            timer.cancel()
        return woken

    def sleep(self, seconds: float) -> None:
        """Let time pass, whatever happens."""
        self._token += 1
        self._clock.after(seconds, self._resume, self._token, False)
        self._hub.switch()

    # Called from outside.

    def wake(self) -> None:
        """Let a wait end."""
        if self.waiting:
            self._clock.after(0.0, self._resume, self._token, True)

    def stop(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds."""
        if not self.stopped:
            self.stopped = True
            self.stood_still = seconds
            self.on_stop(seconds)
            self._clock.after(seconds, self.go_on)

    def go_on(self) -> None:
        """SIGCONT."""
        self.stopped = False
        if self._held is not None:
            held, self._held = self._held, None
            self._resume(*held)

    def kill(self) -> None:
        """SIGKILL, while it waits."""
        if not self.dead:
            self.dead = True
            self._clock.after(0.0, self._end)

    def _end(self) -> None:
        if not self._greenlet.dead:
            self._greenlet.throw(GreenletExit)
        self._ended(Crash())

    def discard(self) -> None:
        """End without a word, when the simulation is over."""
        self.dead = True
        if not self._greenlet.dead:
            self._greenlet.throw(GreenletExit)

    def _resume(self, token: int, woken: bool) -> None:
        if self.dead or token != self._token:
            return
        if self.stopped:
            if self._held is None:
                self._held = (token, woken)
            return
        self._greenlet.switch(woken)
