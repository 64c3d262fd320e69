"""How far a maintenance task is, and how long the rest may take."""

from __future__ import annotations

from protocol.maintenance import Progress


class Tally:
    """Counts pieces. Times are given in seconds, of one clock that only goes forward.

    What an earlier task has done counts as done, but says nothing of how long the rest will take.
    """

    def __init__(self, total: int, left: int, now: float) -> None:
        self._total = total
        self._before = total - left
        self._done = 0
        self._worked = 0.0
        self._text, self._since, self._begun = "", now, False
        self._waiting_for: str | None = None
        self._size = 1
        self.share = 0.0
        """How much of the present batch is done, from 0 to 1."""

    def waits(self, text: str, reason: str, now: float) -> None:
        """A batch cannot begin yet."""
        if (self._text, self._waiting_for is None) != (text, False):
            self._since = now
        self._text, self._waiting_for, self._begun = text, reason, False

    def begins(self, text: str, now: float, size: int = 1) -> None:
        """A batch of so many pieces begins; a rest since the last one belongs to the work."""
        if not self._text and self._done:
            self._worked += now - self._since
        self._text, self._waiting_for, self._since, self._begun, self.share = text, None, now, True, 0.0
        self._size = size

    def ends(self, now: float) -> None:
        """The batch is done."""
        self._worked += now - self._since
        self._done += self._size
        self._text, self._begun, self.share, self._since = "", False, 0.0, now

    @property
    def counted(self) -> str:
        """How many are done, in words."""
        return f"{self._before + self._done} of {self._total}"

    @property
    def message(self) -> str:
        """What goes on, in words."""
        if self._waiting_for is not None:
            return f"{self.counted} done; waits for {self._waiting_for}"
        return f"{self.counted} done; {self._text}" if self._text else f"{self.counted} done"

    def progress(self, now: float, wall: float) -> Progress:
        """All of it; ``wall`` is the present time in seconds since the epoch."""
        share = self.share * self._size if self._begun else 0.0
        return Progress(
            done=self._before + self._done,
            total=self._total,
            fraction=(self._before + self._done + share) / self._total if self._total else 1.0,
            doing=self._text,
            since=wall - (now - self._since),
            waiting_for=self._waiting_for,
            eta_seconds=self._eta(now, share),
        )

    def _eta(self, now: float, share: float) -> float | None:
        """The rest at the speed of this task so far; None before anything is known.

        ``share`` is how many pieces the present batch is worth by now.
        """
        done = self._done + share
        if not done:
            return None
        spent = self._worked + (now - self._since if self._begun else 0.0)
        return spent / done * (self._total - self._before - done)
