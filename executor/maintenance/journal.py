"""What an operation has done on this node, kept in the volume: a next task goes on after it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class Journal:
    """The pieces that are done, one a line. A line that a crash cut off counts for nothing."""

    def __init__(self, folder: Path, operation: str) -> None:
        """Journals of other operations in the folder are removed."""
        self._file = folder / f"{operation}.journal"
        for other in folder.iterdir():
            if other != self._file:
                other.unlink()
        text = self._file.read_text(errors="replace") if self._file.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            os.truncate(self._file, len(whole.encode()))
        self._done = set(whole.splitlines())

    def __contains__(self, piece: str) -> bool:
        return piece in self._done

    def add(self, pieces: Sequence[str]) -> None:
        """Note pieces as done, for good: on the disk before this returns."""
        with self._file.open("a") as file:
            file.writelines(f"{piece}\n" for piece in pieces)
            file.flush()
            os.fsync(file.fileno())
        self._done.update(pieces)
