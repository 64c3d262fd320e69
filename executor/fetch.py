"""Fetching a file, and making sure that it is the right one."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from executor.failure import TaskFailed
from protocol.task import Artifact

log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20
SILENCE_SECONDS = 30.0
"""How long a server may keep silent."""

WAITS_SECONDS = (1.0, 2.0, 4.0, 8.0)
"""Between attempts; the last failure after them is final."""

PASSING = frozenset({408, 425, 429})
"""HTTP statuses below 500 that may go away by themselves."""


class Source(Protocol):
    """What can be read in pieces."""

    def read1(self, size: int, /) -> bytes:
        """At most so many bytes, as soon as there are any; none at the end."""

    def close(self) -> None:
        """Let go of it."""


class Listener(Protocol):
    """Who follows a transfer. Each method may raise to stop it."""

    def progress(self, done: int, total: int | None) -> None:
        """So many bytes have come, of so many if that is known. Called for each piece."""

    def waiting(self, seconds: float, reason: str) -> None:
        """Wait before the next attempt: the last one failed for that reason."""


@dataclass(frozen=True)
class _Opened:
    source: Source
    total: int | None


class _Broken(Exception):
    """This attempt has failed; another may do better."""


def fetch(artifact: Artifact, target: Path, listener: Listener) -> None:
    """Bring the artifact into a file. Raises TaskFailed where it cannot be had, or has another content."""
    for wait in WAITS_SECONDS:
        try:
            found = _transfer(artifact.uri, target, listener)
            break
        except _Broken as error:
            log.warning("%s: %s", shown(artifact.uri), error)
            listener.waiting(wait, str(error))
    else:
        found = _last_transfer(artifact.uri, target, listener)
    if found != artifact.sha512.lower():
        target.unlink()
        raise TaskFailed(
            f"{shown(artifact.uri)} has the SHA-512 {found}, but {artifact.sha512} is configured: "
            f"correct the address or the checksum"
        )


def _last_transfer(uri: str, target: Path, listener: Listener) -> str:
    try:
        return _transfer(uri, target, listener)
    except _Broken as error:
        attempts = len(WAITS_SECONDS) + 1
        raise TaskFailed(f"{shown(uri)} cannot be fetched, tried {attempts} times: {error}") from None


def _transfer(uri: str, target: Path, listener: Listener) -> str:
    """Copy the content to a file; its SHA-512 in hex. Raises _Broken, TaskFailed; OSError from writing."""
    digest, done = hashlib.sha512(), 0
    opened = _open(uri)
    try:
        with target.open("wb") as sink:
            while piece := _read(opened.source):
                sink.write(piece)
                digest.update(piece)
                done += len(piece)
                listener.progress(done, opened.total)
    finally:
        opened.source.close()
    if opened.total is not None and done != opened.total:
        raise _Broken(f"the transfer broke off after {done} of {opened.total} bytes")
    return digest.hexdigest()


def _read(source: Source) -> bytes:
    try:
        return source.read1(CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"the transfer broke off: {error or type(error).__name__}") from None


def _open(uri: str) -> _Opened:
    scheme = urlsplit(uri).scheme
    opener: dict[str, Callable[[str], _Opened]] = {"file": _open_file, "http": _open_url, "https": _open_url}
    if scheme not in opener:
        raise TaskFailed(f"{shown(uri)} cannot be fetched: its address must begin with http, https or file")
    return opener[scheme](uri)


def _open_file(uri: str) -> _Opened:
    try:
        file = Path(unquote(urlsplit(uri).path)).open("rb")  # noqa: SIM115  the caller closes it
    except OSError as error:
        raise TaskFailed(f"{shown(uri)} cannot be read on this agent: {error.strerror}") from None
    return _Opened(file, os.fstat(file.fileno()).st_size)


def _open_url(uri: str) -> _Opened:
    # Imported here: TLS takes memory that an executor keeps for its whole life.
    import urllib.error
    import urllib.request

    try:
        answer = urllib.request.urlopen(uri, timeout=SILENCE_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code < 500 and error.code not in PASSING:
            raise TaskFailed(f"{shown(uri)} cannot be fetched: HTTP {error.code} {error.reason}") from None
        raise _Broken(f"HTTP {error.code} {error.reason}") from None
    except http.client.InvalidURL:
        raise TaskFailed(f"{shown(uri)} is not an address that can be fetched") from None
    except urllib.error.URLError as error:
        raise _Broken(str(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(str(error) or type(error).__name__) from None
    length = answer.headers.get("Content-Length")
    return _Opened(answer, int(length) if length and length.isdecimal() else None)


def shown(uri: str) -> str:
    """An address for messages: without login and query, which may hold secrets."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
