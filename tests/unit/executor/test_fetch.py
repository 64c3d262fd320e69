"""Fetching from the agent's own disk, and what is said of an address; HTTP has its integration tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from executor.failure import Stopped, TaskFailed
from executor.fetch import fetch, shown
from protocol.task import Artifact

CONTENT = b"x" * 3_000_000
CHECKSUM = hashlib.sha512(CONTENT).hexdigest()


class Listener:
    """Writes down what it is told, and stops at a byte count."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at
        self.told: list[tuple[int, int | None]] = []

    def progress(self, done: int, total: int | None) -> None:
        self.told.append((done, total))
        if self.stop_at is not None and done >= self.stop_at:
            raise Stopped

    def waiting(self, seconds: float, reason: str) -> None:
        pytest.fail(f"this should not be tried again: {reason}")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "with space.tar.gz"
    path.write_bytes(CONTENT)
    return path


def test_a_file_is_copied_and_its_progress_told(tmp_path: Path, source: Path) -> None:
    listener = Listener()
    fetch(Artifact(source.as_uri(), CHECKSUM.upper()), tmp_path / "target", listener)
    assert (tmp_path / "target").read_bytes() == CONTENT
    assert not (tmp_path / "target").samefile(source), "a link would change with the source"
    counts = [done for done, _ in listener.told]
    assert counts == sorted(counts)
    assert len(counts) >= 3
    assert listener.told[-1] == (len(CONTENT), len(CONTENT))


def test_another_content_is_refused_naming_both_checksums(tmp_path: Path, source: Path) -> None:
    with pytest.raises(TaskFailed) as failed:
        fetch(Artifact(source.as_uri(), "0" * 128), tmp_path / "target", Listener())
    assert CHECKSUM in str(failed.value)
    assert "0" * 128 in str(failed.value)
    assert source.as_uri() in str(failed.value)
    assert not (tmp_path / "target").exists()


def test_a_file_that_is_not_there_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match=r"file:///nowhere/c\.tgz cannot be read.*No such file"):
        fetch(Artifact("file:///nowhere/c.tgz", CHECKSUM), tmp_path / "target", Listener())


@pytest.mark.parametrize("uri", ["ftp://host/c.tgz", "s3://bucket/c.tgz", "/opt/c.tgz", "data:,x"])
def test_other_kinds_of_address_are_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(TaskFailed, match="must begin with http, https or file"):
        fetch(Artifact(uri, CHECKSUM), tmp_path / "target", Listener())


def test_the_listener_can_stop_it(tmp_path: Path, source: Path) -> None:
    listener = Listener(stop_at=1)
    with pytest.raises(Stopped):
        fetch(Artifact(source.as_uri(), CHECKSUM), tmp_path / "target", listener)
    assert len(listener.told) == 1


def test_a_full_disk_is_no_reason_to_try_again(source: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        fetch(Artifact(source.as_uri(), CHECKSUM), Path("/dev/full"), Listener())


def test_an_address_is_shown_without_login_and_query() -> None:
    assert (
        shown("https://user:geheim@host:8443/a/b.tgz?X-Amz-Signature=geheim#x") == "https://host:8443/a/b.tgz"
    )
