"""A real S3 server for the tests: versitygw, built once by Go, with buckets that are folders."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from backup.location import Location, parse
from backup.s3.client import Client
from backup.s3.credentials import Given, Keys
from backup.s3.patience import Patience
from local.jars import cache

MODULE = "github.com/versity/versitygw/cmd/versitygw"
VERSION = "v1.8.0"
KEYS = Keys("a-key", "a-secret")
BUCKET = "backups"
DEADLINE_SECONDS = 60.0

HASTY = Patience(silence_seconds=20, window_seconds=2, least_rate=1024, waits_seconds=(0.05,) * 6)
"""Gives up sooner than a real transfer should."""


def binary() -> Path:
    """The server's program. Building it takes Go a few minutes, once a machine."""
    target = cache() / f"versitygw-{VERSION}"
    target.parent.mkdir(parents=True, exist_ok=True)
    # Tests run side by side, and only one of them builds it.
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build(target)
    return target


def _build(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as folder:
        environment = {**os.environ, "GOBIN": folder, "GOPATH": f"{folder}/go", "GOFLAGS": "-modcacherw"}
        environment["GOCACHE"] = f"{folder}/cache"
        subprocess.run(["go", "install", f"{MODULE}@{VERSION}"], env=environment, check=True)
        Path(folder, "versitygw").rename(target)


class Server:
    """A running server, whose buckets are folders below ``root``."""

    def __init__(self, root: Path, tls: tuple[Path, Path] | None = None, keys: Keys = KEYS) -> None:
        """With ``tls``, a certificate and its key, it speaks TLS."""
        self.root = root
        self._keys = keys
        self._tls = () if tls is None else ("--cert", str(tls[0]), "--key", str(tls[1]))
        (root / BUCKET).mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.start()

    def start(self) -> None:
        """Begin to serve; also after ``stop``."""
        environment = {
            **os.environ,
            "ROOT_ACCESS_KEY_ID": self._keys.access,
            "ROOT_SECRET_ACCESS_KEY": self._keys.secret,
        }
        self._process = subprocess.Popen(
            [binary(), "--quiet", "--port", self.address, *self._tls, "posix", self.root],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._await()

    def stop(self) -> None:
        """End it; what is stored stays."""
        self._process.kill()
        self._process.wait()

    def location(self, prefix: str = "", bucket: str = BUCKET, address: str = "") -> Location:
        """A place in one of its buckets, reached directly or through another address."""
        scheme = "https" if self._tls else "http"
        return parse(f"{scheme}://{address or self.address}/{bucket}/{prefix}")

    def client(self, prefix: str = "", address: str = "") -> Client:
        """A client of it that gives up soon."""
        return Client(self.location(prefix, address=address), Given(self._keys), patience=HASTY)

    def file(self, key: str) -> Path:
        """Where an object lies, prefix included."""
        return self.root / BUCKET / key

    def _await(self) -> None:
        host, _, port = self.address.partition(":")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, f"no server at {self.address} in {DEADLINE_SECONDS:g} s"
                assert self._process.poll() is None, "the server has ended"
                time.sleep(0.02)
