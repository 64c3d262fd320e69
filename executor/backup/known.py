"""What earlier backups have uploaded, kept in the volume: a file that is known is not read again."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from backup.files import Part, decode_parts, encode_parts
from backup.location import Location


class Content(NamedTuple):
    """A file's content: its SHA-256, and where it lies at the location."""

    sha256: str
    parts: tuple[Part, ...]


class Known:
    """Contents by the files' identities (see ``snapshot.Found``), for one location.

    A journal: what an upload that was cut off has added is there for the next. Only time is lost with it.
    """

    def __init__(self, folder: Path, location: Location) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Not for one region or another: a location is where it is.
        self._path = folder / f"known-{hashlib.sha256(location.shown.encode()).hexdigest()[:16]}"
        self._lock = threading.Lock()
        self.contents = self._read()
        self._file = self._path.open("a", encoding="ascii")
        self._begin_line()

    def add(self, found: Iterable[tuple[str, Content]]) -> None:
        """Remember contents that are there now; for any thread."""
        entries = list(found)
        lines = "".join(map(_line, entries))
        with self._lock:
            self.contents.update(entries)
            self._file.write(lines)
            self._file.flush()

    def keep(self, identities: Iterable[str]) -> None:
        """Forget all others."""
        kept = {identity: self.contents[identity] for identity in identities}
        if kept.keys() == self.contents.keys():
            return
        temporary = self._path.with_suffix(".new")
        temporary.write_text("".join(map(_line, kept.items())), encoding="ascii")
        temporary.replace(self._path)
        self.contents = kept

    def close(self) -> None:
        """Let go of the journal."""
        self._file.close()

    def _read(self) -> dict[str, Content]:
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return {}
        except ValueError:
            self._path.unlink()
            return {}
        found: dict[str, Content] = {}
        # The last piece is empty, or a line that was cut off.
        for line in text.split("\n")[:-1]:
            fields = line.split("\t")
            if len(fields) == 3:
                try:
                    found[fields[0]] = Content(fields[1], decode_parts(fields[2]))
                except (ValueError, TypeError):
                    continue
        return found

    def _begin_line(self) -> None:
        """What a crash has cut off stays a line of its own."""
        if os.fstat(self._file.fileno()).st_size:
            self._file.write("\n")


def _line(entry: tuple[str, Content]) -> str:
    identity, (digest, parts) = entry
    return f"{identity}\t{digest}\t{encode_parts(parts)}\n"
