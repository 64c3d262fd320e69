"""Faults of the store and the way to it: each ends in a complete backup, or in a failure with its name."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backup.keys import OBJECTS
from backup.manifest import ClusterManifest
from backup.s3.client import Client
from backup.s3.credentials import Given
from backup.s3.failure import Denied, S3Failed, Unreachable
from executor.backup import catalog, download, packing, publish, upload, verify
from executor.backup.control import Control
from executor.backup.download import DownloadJob
from executor.backup.failure import DamagedObject
from executor.backup.upload import UploadJob
from executor.failure import Stopped
from tests.integration.proxy import Filter, Proxy
from tests.integration.s3_server import HASTY, KEYS, Server
from tests.unit.executor.backup.store import TABLE, facts, write_snapshot

pytestmark = pytest.mark.needs("go")

FILES = {
    "nb-1-big-Data.db": bytes(range(256)) * 5000,
    "nb-1-big-Index.db": b"index" * 60000,
    "nb-1-big-TOC.txt": b"toc",
    ".by_city/nb-1-big-Data.db": b"an index's",
}
numbers = itertools.count()
HEAD = b"HTTP/1.1 "
"""How each answer begins."""


class Site:
    """A node whose snapshot goes through a proxy to a prefix of its own."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.proxy = Proxy(server.address)
        self.prefix = f"faults-{next(numbers)}"
        self.client = server.client(self.prefix, self.proxy.address)
        self.folder = folder
        write_snapshot(folder / "data", "snap", FILES)

    def back_up(self, control: Control | None = None) -> None:
        job = UploadJob("b", "op", facts("node-0"), self.folder / "data", "snap", self.folder / "cache", 2)
        summary = upload.upload(self.client, job, control or Control())
        schema = publish.put_schema(self.client, "CREATE KEYSPACE shop")
        manifest = ClusterManifest("b", "prod", "t", "5.0.9", "p", 16, schema, (summary,))
        publish.publish(self.client, manifest, "op", Control())

    def restore(self, control: Control | None = None) -> dict[str, bytes]:
        staging = self.folder / "staging"
        download.download(self.client, DownloadJob("b", "node-0", staging, threads=2), control or Control())
        table = staging / "shop" / f"orders-{TABLE}"
        return {
            path.relative_to(table).as_posix(): path.read_bytes()
            for path in table.rglob("*")
            if path.is_file()
        }

    def check(self) -> None:
        """Past the proxy, the backup is there, whole and sound."""
        direct = self.server.client(self.prefix)
        assert verify.verify(direct, "b", Control()).damaged == ()
        direct.close()


@pytest.fixture
def site(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(packing, "SEGMENT_BYTES", 300_000)
    monkeypatch.setattr(upload, "SMALL_BYTES", 100_000)
    monkeypatch.setattr(download, "BUNDLE_BYTES", 100_000)
    found = Site(server, tmp_path)
    yield found
    found.client.close()
    found.proxy.close()


def every(count: int, fault: Filter, beginning: bytes = b"") -> Filter:
    """Have each ``count``-th piece that begins so suffer it."""
    pieces, lock = itertools.count(1), threading.Lock()

    def filtered(data: bytes) -> bytes | None:
        if not data.startswith(beginning):
            return data
        with lock:
            struck = next(pieces) % count == 0
        return fault(data) if struck else data

    return filtered


def answered(status: str, code: str) -> Filter:
    """Every answer is this one instead."""
    body = f"<Error><Code>{code}</Code><Message>told to</Message></Error>"
    answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
    return lambda data: answer if data.startswith(HEAD) else None


def cut(data: bytes) -> bytes | None:
    return None


def once(fault: Filter, after: int) -> Filter:
    """From the piece of that number on everything suffers it."""
    pieces = itertools.count()
    return lambda data: fault(data) if next(pieces) >= after else data


INTERNAL = answered("500 Oh", "InternalError")
SLOW = answered("503 Slow Down", "SlowDown")

PASSING: dict[str, Callable[[Proxy], None]] = {
    "500": lambda proxy: setattr(proxy, "down", every(4, answered("500 Oh", "InternalError"), HEAD)),
    "503 slow down": lambda proxy: setattr(
        proxy, "down", every(4, answered("503 Slow Down", "SlowDown"), HEAD)
    ),
    "connections reset while sending": lambda proxy: setattr(proxy, "up", every(20, cut)),
    "answers cut off": lambda proxy: setattr(proxy, "down", every(20, cut)),
}


@pytest.mark.parametrize("fault", PASSING)
def test_faults_that_pass_end_in_a_complete_backup_and_restore(site: Site, fault: str) -> None:
    PASSING[fault](site.proxy)
    site.back_up()
    assert site.restore() == FILES
    site.check()


LASTING: dict[str, tuple[Filter, type[S3Failed], str]] = {
    "500": (INTERNAL, Unreachable, "tried 7 times: HTTP 500 InternalError"),
    "503": (SLOW, Unreachable, "tried 7 times: HTTP 503 SlowDown"),
    "403": (answered("403 Forbidden", "AccessDenied"), Denied, "denies it to these keys"),
    "redirect": (answered("307 Elsewhere", "TemporaryRedirect"), S3Failed, "is elsewhere"),
    "cut": (cut, Unreachable, "tried 7 times"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_faults_that_last_from_halfway_on_are_named_and_the_backup_goes_on_later(
    site: Site, fault: str
) -> None:
    filtered, kind, words = LASTING[fault]
    site.proxy.down = once(filtered, after=5)
    with pytest.raises(kind, match=words):
        site.back_up()
    assert catalog.names(site.server.client(site.prefix)) == []
    site.proxy.down = lambda data: data
    site.back_up()
    site.check()


@pytest.mark.parametrize("fault", LASTING)
def test_a_restore_that_meets_them_names_them_and_goes_on_later(site: Site, fault: str) -> None:
    site.back_up()
    filtered, kind, words = LASTING[fault]
    site.proxy.down = once(filtered, after=5)
    with pytest.raises(kind, match=words):
        site.restore()
    site.proxy.down = lambda data: data
    assert site.restore() == FILES


def test_a_store_that_is_gone_is_named(site: Site) -> None:
    site.proxy.refuse()
    with pytest.raises(Unreachable, match=r"the store at 127\.0\.0\.1:[0-9]+ fails, tried 7 times"):
        site.back_up()


def test_a_byte_now_and_then_is_a_named_failure_and_not_a_wait_for_ever(site: Site) -> None:
    site.proxy.trickle_seconds = 0.05
    patience = replace(HASTY, window_seconds=1, waits_seconds=(0.05,))
    site.client = Client(site.client.location, Given(KEYS), patience=patience)
    with pytest.raises(Unreachable, match=r"it moves only [0-9]+ bytes a second"):
        site.back_up()
    site.proxy.trickle_seconds = 0
    site.back_up()
    site.proxy.trickle_seconds = 0.05
    with pytest.raises(Unreachable, match=r"it moves only [0-9]+ bytes a second"):
        site.restore()


def in_background(site: Site, control: Control) -> tuple[threading.Thread, list[BaseException]]:
    """A backup in a thread, and what it has failed with."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            site.back_up(control)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, failures


def test_a_store_that_dies_and_comes_back_is_waited_for(site: Site) -> None:
    site.server.stop()
    control = Control()
    thread, failures = in_background(site, control)
    deadline = time.monotonic() + 60
    while control.progress().waiting_for is None and thread.is_alive():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    site.server.start()
    thread.join()
    if failures:  # it may have given up before the server was back: that is a named failure, and goes on
        assert isinstance(failures[0], Unreachable)
        site.back_up()
    site.check()


def test_a_flipped_byte_in_the_store_is_found_and_stops_a_restore(site: Site) -> None:
    site.back_up()
    folder = site.server.file(f"{site.prefix}/{OBJECTS}")
    largest = max(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    with largest.open("r+b") as file:
        file.write(content)
    (damage,) = verify.verify(site.client, "b", Control()).damaged
    assert damage.object.endswith(largest.name)
    assert damage.files
    with pytest.raises(DamagedObject, match=largest.name):
        site.restore()


def test_a_throttle_is_kept_to_and_changed_while_it_runs(site: Site) -> None:
    control = Control(bytes_per_second=100_000)
    thread = threading.Thread(target=site.back_up, args=(control,))
    thread.start()
    deadline = time.monotonic() + 120
    while control.progress().sent_bytes < 20_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # Over a million bytes are left, which would take more than ten seconds.
    assert control.progress().bytes_done < control.progress().bytes_total
    control.throttle.set(None)
    thread.join(timeout=120)
    assert not thread.is_alive()
    site.check()


def test_stopping_ends_a_transfer_that_waits_for_a_silent_store(site: Site) -> None:
    site.proxy.hold()
    control = Control()
    thread, ended = in_background(site, control)
    control.stop()
    thread.join(timeout=60)
    assert [type(error) for error in ended] == [Stopped]


def test_keys_lie_in_no_object_and_in_no_cache(site: Site) -> None:
    site.back_up()
    files = [*site.server.file(site.prefix).rglob("*"), *site.folder.rglob("*")]
    assert not [path for path in files if path.is_file() and re.search(b"a-secret", path.read_bytes())]
