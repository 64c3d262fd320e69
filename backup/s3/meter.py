"""What goes along with every transfer: how fast it may go, and whether it shall go on."""

from __future__ import annotations

from typing import Protocol

PIECE_BYTES = 1 << 20
"""What is moved between two looks at the meter, at most."""


class Meter(Protocol):
    """Used by all threads of a transfer. Both methods may raise to end it."""

    def grant(self, wanted: int) -> int:
        """How many of so many bytes may be moved now, at least one; waits until some may."""

    def check(self) -> None:
        """Raise if the transfer shall end. Called at least once a second."""


class Unmetered:
    """As fast as it goes, to the end."""

    def grant(self, wanted: int) -> int:
        """See ``Meter``."""
        return wanted

    def check(self) -> None:
        """See ``Meter``."""
