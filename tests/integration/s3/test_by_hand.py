"""The script of docs/backup-format.md restores what was backed up, with a shell alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from backup.keys import OBJECTS
from backup.manifest import ClusterManifest
from executor.backup import packing, publish, upload
from executor.backup.control import Control
from tests.unit.executor.backup.store import TABLE, Store, facts, write_snapshot

DOCUMENT = Path(__file__).parents[3] / "docs" / "backup-format.md"
FILES = {
    "nb-1-big-Data.db": bytes(range(256)) * 20,
    "nb-1-big-Index.db": b"index\n" * 10,
    "nb-1-big-TOC.txt": b"",
    ".by_city/nb-1-big-Data.db": b"of an index",
}


@pytest.fixture
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backup, copied to a folder."""
    monkeypatch.setattr(packing, "SEGMENT_BYTES", 1000)
    monkeypatch.setattr(upload, "SMALL_BYTES", 500)
    write_snapshot(tmp_path / "data", "snap", FILES)
    store = Store()
    job = upload.UploadJob("nightly-1", "op", facts("node-0"), tmp_path / "data", "snap", tmp_path / "cache")
    summary = upload.upload(store, job, Control())
    schema = publish.put_schema(store, "CREATE KEYSPACE shop")
    manifest = ClusterManifest("nightly-1", "prod", "t", "5.0.9", "p", 16, schema, (summary,))
    publish.publish(store, manifest, "op", Control())
    for key, (content, _) in store.objects.items():
        path = tmp_path / "location" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "location"


def restore(location: Path) -> subprocess.CompletedProcess[str]:
    (script,) = re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    command = ["bash", "-c", "set -o pipefail\n" + script]
    return subprocess.run(command, cwd=location.parent, capture_output=True, text=True, check=False)


def test_the_documented_script_brings_every_file_back(location: Path) -> None:
    done = restore(location)
    assert (done.returncode, done.stderr) == (0, "")
    table = location.parent / "restored" / "shop" / f"orders-{TABLE}"
    found = {
        path.relative_to(table).as_posix(): path.read_bytes() for path in table.rglob("*") if path.is_file()
    }
    assert found == FILES


def test_the_documented_script_stops_at_a_damaged_object(location: Path) -> None:
    largest = max((location / OBJECTS).glob("*/*"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[0] ^= 1
    largest.write_bytes(content)
    done = restore(location)
    assert done.returncode != 0
    assert f"{largest.name} is damaged" in done.stderr
