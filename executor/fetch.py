"""Bringing a distribution into the volume: fetch, verify, unpack, keep."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from executor.failure import TaskFailed
from protocol.task import Artifact

log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20
READ_SECONDS = 30.0
ATTEMPTS = 5
FIRST_BACKOFF_SECONDS = 1.0

Progress = Callable[[int, int | None], None]
"""Takes bytes so far and bytes in total, where that is known. May raise to stop."""


def bring_unpacked(artifact: Artifact, folder: Path, progress: Progress) -> Path:
    """The unpacked tarball in ``folder/<sha512>``; fetched unless it is there. Raises TaskFailed."""
    target = folder / artifact.sha512
    if not target.exists():
        part = bring(artifact, folder, progress)
        unpacking = folder / f"{artifact.sha512}.unpacking"
        shutil.rmtree(unpacking, ignore_errors=True)
        unpack(part, unpacking)
        part.unlink()
        unpacking.rename(target)
    return target


def bring(artifact: Artifact, folder: Path, progress: Progress) -> Path:
    """The artifact as a verified file in ``folder``. Raises TaskFailed."""
    part = folder / f"{artifact.sha512}.part"
    wait = FIRST_BACKOFF_SECONDS
    for attempt in range(1, ATTEMPTS + 1):
        try:
            found = _download(artifact.uri, part, progress)
        except (OSError, urllib.error.URLError) as error:
            log.warning("attempt %d to fetch %s: %s", attempt, artifact.uri, error)
            if attempt == ATTEMPTS:
                raise TaskFailed(f"{artifact.uri} cannot be fetched: {error}") from None
            time.sleep(wait)
            wait *= 2
        else:
            break
    if found != artifact.sha512.lower():
        part.unlink()
        raise TaskFailed(f"{artifact.uri} has SHA-512 {found}, and {artifact.sha512} was expected")
    return part


def _download(uri: str, target: Path, progress: Progress) -> str:
    """Copy the content to a file; its SHA-512 in hex."""
    digest = hashlib.sha512()
    with urllib.request.urlopen(uri, timeout=READ_SECONDS) as source, target.open("wb") as sink:
        length = source.headers.get("Content-Length")
        total = int(length) if length else None
        done = _copy(source, sink, digest.update, lambda count: progress(count, total))
    if total is not None and done != total:
        raise OSError(f"the transfer broke off after {done} of {total} bytes")
    return digest.hexdigest()


def _copy(
    source: BinaryIO, sink: BinaryIO, seen: Callable[[bytes], None], progress: Callable[[int], None]
) -> int:
    done = 0
    while chunk := source.read(CHUNK_BYTES):
        sink.write(chunk)
        seen(chunk)
        done += len(chunk)
        progress(done)
    return done


def unpack(archive: Path, target: Path) -> None:
    """Unpack a tarball, without its top folder where it has a single one. Raises TaskFailed."""
    target.mkdir(parents=True)
    try:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            for member in members:
                _check(member)
            tar.extractall(target, members)
    except tarfile.TarError as error:
        raise TaskFailed(f"the distribution is not a readable tarball: {error}") from None
    _lift(target)


def _check(member: tarfile.TarInfo) -> None:
    """Nothing may be written outside the folder, nor anything but files, folders and inner links."""
    inside = not member.name.startswith("/") and ".." not in Path(member.name).parts
    linked = not (member.issym() or member.islnk()) or (
        not member.linkname.startswith("/") and ".." not in Path(member.linkname).parts
    )
    if not (inside and linked and (member.isfile() or member.isdir() or member.issym() or member.islnk())):
        raise TaskFailed(f"the distribution holds {member.name}, which would leave its folder")


def _lift(folder: Path) -> None:
    entries = list(folder.iterdir())
    if len(entries) != 1 or not entries[0].is_dir():
        return
    top = entries[0].rename(folder / ".top")
    for entry in top.iterdir():
        entry.rename(folder / entry.name)
    top.rmdir()
