"""Unpacking, and what a tarball may not do."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.failure import Stopped, TaskFailed
from executor.unpack import unpack


def nothing() -> None:
    """No reason to stop."""


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.uid = info.gid = 4711
    return info


def tarball(path: Path, *entries: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for one in entries:
            info, data = one if isinstance(one, tuple) else (one, b"")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def unpacked(tmp_path: Path, *entries: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]) -> Path:
    folder = tmp_path / "inside"
    unpack(tarball(tmp_path / "a.tar.gz", *entries), folder, nothing)
    return folder


def test_files_folders_and_links_come_out_as_they_went_in(tmp_path: Path) -> None:
    folder = unpacked(
        tmp_path,
        entry("./top", tarfile.DIRTYPE),
        (entry("./top/lib/a.jar"), b"content"),
        (entry("top/bin/java", mode=0o4775), b"#!"),
        entry("top/legal/copy", tarfile.SYMTYPE, "../lib/a.jar"),
        entry("top/hard", tarfile.LNKTYPE, "top/lib/a.jar"),
    )
    assert (folder / "top/lib/a.jar").read_bytes() == b"content"
    assert (folder / "top/legal/copy").read_bytes() == b"content"
    assert (folder / "top/hard").read_bytes() == b"content"
    assert (folder / "top/legal/copy").is_symlink()


def test_of_permissions_only_execution_is_taken_over(tmp_path: Path) -> None:
    folder = unpacked(tmp_path, entry("a", mode=0o6777), entry("b", mode=0o000))
    assert os.access(folder / "a", os.X_OK)
    modes = [(folder / name).stat().st_mode for name in "ab"]
    assert [mode & 0o6000 for mode in modes] == [0, 0]
    assert modes[0] & 0o111
    assert not modes[1] & 0o111
    assert modes[1] & 0o400
    assert (folder / "a").stat().st_uid == os.getuid()


@pytest.mark.parametrize(
    "bad",
    [
        entry("/etc/passwd"),
        entry("../outside"),
        entry("top/../../outside"),
        entry("link", tarfile.SYMTYPE, "/etc/passwd"),
        entry("link", tarfile.SYMTYPE, "../outside"),
        entry("top/link", tarfile.SYMTYPE, "../../outside"),
        entry("hard", tarfile.LNKTYPE, "../secret"),
        entry("hard", tarfile.LNKTYPE, "/etc/passwd"),
    ],
    ids=lambda info: f"{info.name} {info.linkname}",
)
def test_what_would_lie_outside_is_refused(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(TaskFailed, match=f"the tarball holds {bad.name}, which would lie outside"):
        unpacked(tmp_path, bad)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "inside", "secret"]


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices_and_pipes_are_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(TaskFailed, match="the tarball holds odd, which is neither file, folder nor link"):
        unpacked(tmp_path, entry("odd", kind))


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    with pytest.raises((TaskFailed, FileExistsError)):
        unpacked(tmp_path, entry("l", tarfile.SYMTYPE, "x"), (entry("l"), b"through"))
    assert not (tmp_path / "inside" / "x").exists()


def test_a_link_that_later_leads_outside_is_not_followed(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="outside"):
        unpacked(
            tmp_path,
            entry("a", tarfile.SYMTYPE, "b/c/d"),
            entry("b", tarfile.SYMTYPE, "."),
            entry("c", tarfile.SYMTYPE, "b/b/.."),
            entry("e", tarfile.SYMTYPE, "b/../outside"),
            (entry("e/file"), b"data"),
        )
    assert not (tmp_path / "outside").exists()


names = st.lists(st.sampled_from(["a", "b", ".", "..", ""]), min_size=1, max_size=5).map("/".join)
members = st.one_of(
    st.builds(lambda name: (entry(name), b"data"), names),
    st.builds(lambda name: entry(name, tarfile.DIRTYPE), names),
    st.builds(lambda name, link: entry(name, tarfile.SYMTYPE, link), names, names),
    st.builds(lambda name, link: entry(name, tarfile.LNKTYPE, link), names, names),
)


@given(st.lists(members, max_size=6))
def test_whatever_a_tarball_holds_nothing_is_written_outside(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]]
) -> None:
    around = tmp_path_factory.mktemp("around")
    with contextlib.suppress(TaskFailed, OSError):
        unpacked(around, *entries)
    assert {path.name for path in around.iterdir()} == {"a.tar.gz", "inside"}


def test_a_tarball_that_is_cut_off_is_named(tmp_path: Path) -> None:
    whole = tarball(tmp_path / "whole.tar.gz", (entry("a"), os.urandom(5000))).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TaskFailed, match="the tarball cannot be read"):
        unpack(tmp_path / "cut", tmp_path / "inside", nothing)


def test_what_is_no_tarball_is_named(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>404</html>")
    with pytest.raises(TaskFailed, match="the tarball cannot be read"):
        unpack(tmp_path / "page", tmp_path / "inside", nothing)


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        unpack(tarball(tmp_path / "a.tar.gz", entry("a")), tmp_path / "inside", stop)
