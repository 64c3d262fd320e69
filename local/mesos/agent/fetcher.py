"""The fetcher: brings a command's URIs into the sandbox before the executor starts."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tarfile
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TIMEOUT_SECONDS = 30.0
TARBALLS = (".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")


class FetchError(Exception):
    """A URI that cannot be had; the executor is not started."""


def fetch(command: Json, sandbox: Path) -> None:
    """Fetch all URIs of a CommandInfo, one after the other. Raises FetchError."""
    for uri in command.get("uris", []):
        try:
            _fetch_one(uri, sandbox)
        except (OSError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise FetchError(f"Failed to fetch '{uri['value']}': {error}") from error


def _fetch_one(uri: Json, sandbox: Path) -> None:
    target = sandbox / output_name(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    _copy(uri["value"], target)
    if uri.get("executable"):
        target.chmod(target.stat().st_mode | 0o111)
    elif uri.get("extract", True):
        _extract(target, sandbox)


def output_name(uri: Json) -> str:
    """The file's name in the sandbox: what follows the last slash, a query included. Raises ValueError."""
    name: str = uri.get("output_file") or uri["value"].rpartition("/")[2]
    if not name or any(mark in uri["value"] for mark in "'\\\0"):
        raise ValueError("the URI names no file")
    return name


def _copy(address: str, target: Path) -> None:
    source = address.removeprefix("file://")
    if source.startswith("/"):
        shutil.copy(source, target)
        return
    if not address.startswith(("http://", "https://")):
        raise ValueError("only http, https, file and absolute paths can be fetched")
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer, target.open("wb") as file:
        shutil.copyfileobj(answer, file)


def _extract(file: Path, sandbox: Path) -> None:
    """Unpack an archive, told by its ending, into the sandbox; it stays there beside its contents."""
    name = file.name.lower()
    if name.endswith(TARBALLS):
        with tarfile.open(file) as tar:
            tar.extractall(sandbox, filter="data")
    elif name.endswith(".zip"):
        # The program keeps the permissions of files, which the library does not.
        if shutil.which("unzip"):
            subprocess.run(["unzip", "-o", "-q", "-d", str(sandbox), str(file)], check=True)
        else:
            with zipfile.ZipFile(file) as archive:
                archive.extractall(sandbox)
    elif name.endswith(".gz"):
        with gzip.open(file) as packed, file.with_suffix("").open("wb") as plain:
            shutil.copyfileobj(packed, plain)
        file.unlink()
