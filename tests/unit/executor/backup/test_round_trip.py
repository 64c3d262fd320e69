"""Upload and download, on a store in memory: what comes back is what was there, and only what is new goes."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup.keys import OBJECTS, object_key
from backup.manifest import ClusterManifest, NodeSummary
from backup.s3.failure import NotThere
from executor.backup import catalog, download, packing, publish, upload, verify
from executor.backup.control import Control
from executor.backup.download import DownloadJob
from executor.backup.failure import DamagedObject, Incomplete, NameTaken
from executor.backup.upload import UploadJob
from executor.failure import Stopped
from tests.unit.executor.backup.store import TABLE, Store, facts, write_snapshot

FILES = {
    "nb-1-big-Data.db": b"data" * 1000,
    "nb-1-big-TOC.txt": b"",
    "nb-1-big-Index.db": b"data" * 1000,
    ".by_city/nb-1-big-Data.db": b"index",
    "manifest.json": b"{}",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_snapshot(folder, "snap", FILES)
    return folder


def a_job(data: Path, backup: str = "b", tag: str = "snap") -> UploadJob:
    return UploadJob(backup, f"op-{backup}", facts("node-0"), data, tag, data.parent / "cache", threads=2)


def back_up(store: Store, data: Path, backup: str = "b", tag: str = "snap") -> NodeSummary:
    summary = upload.upload(store, a_job(data, backup, tag), Control())
    schema = publish.put_schema(store, "CREATE KEYSPACE shop")
    manifest = ClusterManifest(backup, "prod", "2026-01-01T00:00:00Z", "5.0.9", "p", 16, schema, (summary,))
    publish.publish(store, manifest, f"op-{backup}", Control())
    return summary


def restored(store: Store, folder: Path, backup: str = "b", **wanted: frozenset[str]) -> dict[str, bytes]:
    done = download.download(store, DownloadJob(backup, "node-0", folder, **wanted), Control())
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert (done.files, done.bytes) == (len(found), sum(map(len, found.values())))
    return found


def below(files: dict[str, bytes], table: str = "orders") -> dict[str, bytes]:
    return {f"shop/{table}-{TABLE}/{name}": content for name, content in files.items()}


def test_all_files_come_back_byte_for_byte(data: Path, tmp_path: Path) -> None:
    store = Store()
    summary = back_up(store, data)
    assert (summary.files, summary.bytes) == (len(FILES), sum(map(len, FILES.values())))
    assert restored(store, tmp_path / "staging") == below(FILES)
    assert catalog.schema(store, catalog.manifest(store, "b")) == "CREATE KEYSPACE shop"
    assert [(row.name, row.files, row.nodes) for row in catalog.rows(store)] == [("b", len(FILES), 1)]
    assert not [key for key in store.objects if key.startswith("markers/")]


def test_a_large_file_goes_in_segments(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "SEGMENT_BYTES", 1000)
    monkeypatch.setattr(upload, "SMALL_BYTES", 100)
    store = Store()
    back_up(store, data)
    sizes = [len(content) for key, (content, _) in store.objects.items() if key.startswith(OBJECTS)]
    assert max(size for size in sizes if size < 1500) <= 1000
    assert restored(store, tmp_path / "staging") == below(FILES)


@pytest.mark.parametrize(
    ("new", "length"), [(0, 16), (51, 16), (257, 17), (1000, 63), (1024, 64), (1 << 20, 64)]
)
def test_segments_are_smaller_where_little_is_new_and_end_with_a_block(new: int, length: int) -> None:
    """All in MiB."""
    assert packing.segment_bytes(new << 20) == length << 20


@settings(max_examples=30, deadline=None)
@given(
    files=st.dictionaries(
        st.from_regex(r"(\.idx/)?nb-[0-9]{1,3}-big-[A-Z][a-z]{1,8}\.db", fullmatch=True),
        st.binary(max_size=300),
        min_size=1,
        max_size=12,
    ),
    segment=st.integers(10, 200),
    bundle=st.integers(10, 400),
)
def test_whatever_the_sizes_are_all_files_come_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], segment: int, bundle: int
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "SEGMENT_BYTES", segment)
        patch.setattr(packing, "BUNDLE_BYTES", bundle)
        patch.setattr(upload, "SMALL_BYTES", segment)
        patch.setattr(download, "BUNDLE_BYTES", bundle)
        write_snapshot(folder / "data", "snap", files)
        store = Store()
        back_up(store, folder / "data")
        assert restored(store, folder / "staging") == below(files)
    shutil.rmtree(folder)


def test_a_second_backup_sends_only_what_is_new(data: Path) -> None:
    store = Store()
    back_up(store, data)
    before = set(store.objects)
    old, new = (data / "shop" / f"orders-{TABLE}" / "snapshots" / tag for tag in ("snap", "next"))
    shutil.copytree(old, new, copy_function=os.link)
    (new / "nb-2-big-Data.db").write_bytes(b"new")
    back_up(store, data, "second", "next")
    added = {key for key in set(store.objects) - before if key.startswith(OBJECTS)}
    # The new file and the node's manifest; the schema is the same.
    assert len(added) == 2


def test_files_that_are_written_again_with_the_same_content_are_not_sent_again(data: Path) -> None:
    store = Store()
    back_up(store, data)
    before = set(store.objects)
    write_snapshot(data, "next", FILES)
    back_up(store, data, "second", "next")
    assert len({key for key in set(store.objects) - before if key.startswith(OBJECTS)}) == 1


def test_an_upload_goes_on_where_an_earlier_one_was_cut_off(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "BUNDLE_BYTES", 4100)
    store = Store()
    sent: list[str] = []

    def fail_at_second(method: str, key: str) -> None:
        if method == "PUT" and key.startswith(OBJECTS):
            sent.append(key)
            if len(sent) == 2:
                raise OSError("killed")

    store.interrupt(fail_at_second)
    job = UploadJob("b", "op", facts("node-0"), data, "snap", tmp_path / "c", threads=1)
    with pytest.raises(OSError, match="killed"):
        upload.upload(store, job, Control())
    store.go_on()
    store.puts.clear()
    upload.upload(store, job, Control())
    assert sent[0] not in store.puts
    assert sent[1] in store.puts


def test_what_is_known_but_gone_from_the_location_is_sent_again(data: Path, tmp_path: Path) -> None:
    store = Store()
    back_up(store, data)
    for key in [key for key in store.objects if key.startswith(OBJECTS)]:
        del store.objects[key]
    back_up(store, data, "second")
    assert restored(store, tmp_path / "staging", "second") == below(FILES)


def test_a_damaged_cache_costs_only_time(data: Path, tmp_path: Path) -> None:
    store = Store()
    back_up(store, data)
    (cache,) = (tmp_path / "cache").iterdir()
    cache.write_bytes(cache.read_bytes()[:-20] + b"\xff\nx\ty\tz:1\n")
    back_up(store, data, "second")
    assert restored(store, tmp_path / "staging", "second") == below(FILES)


def test_a_stopped_upload_says_so(data: Path) -> None:
    control = Control()
    control.stop()
    with pytest.raises(Stopped):
        upload.upload(Store(), a_job(data), control)


def test_a_name_that_is_taken_is_refused_before_and_after(data: Path) -> None:
    store = Store()
    publish.check(store, "b")
    back_up(store, data)
    with pytest.raises(NameTaken, match="another backup_name"):
        publish.check(store, "b")
    write_snapshot(data, "snap", {"nb-9-big-Data.db": b"other"})
    with pytest.raises(NameTaken):
        back_up(store, data)


def test_the_same_manifest_may_be_published_again(data: Path) -> None:
    store = Store()
    back_up(store, data)
    first = catalog.manifest(store, "b")
    publish.publish(store, replace(first, created_at="later"), "op-b", Control())
    assert catalog.manifest(store, "b") == first


def test_nothing_is_published_that_lacks_an_object(data: Path) -> None:
    store = Store()
    summary = upload.upload(store, a_job(data), Control())
    schema = publish.put_schema(store, "CREATE")
    manifest = ClusterManifest("b", "prod", "t", "5.0.9", "p", 16, schema, (summary,))
    for key in (object_key(summary.manifest.sha256), object_key(schema.sha256), first_bundle(store, summary)):
        taken = store.objects.pop(key)
        with pytest.raises(Incomplete):
            publish.publish(store, manifest, "op-b", Control())
        assert catalog.names(store) == []
        store.objects[key] = taken
    publish.publish(store, manifest, "op-b", Control())


def first_bundle(store: Store, summary: NodeSummary) -> str:
    manifest = object_key(summary.manifest.sha256)
    return max(
        (key for key in store.objects if key.startswith(OBJECTS) and key != manifest),
        key=lambda key: len(store.objects[key][0]),
    )


def flip(store: Store, key: str) -> None:
    content, at = store.objects[key]
    store.objects[key] = (bytes([content[0] ^ 1]) + content[1:], at)


def test_a_flipped_bit_in_any_object_is_found_by_verify_and_stops_a_restore(
    data: Path, tmp_path: Path
) -> None:
    store = Store()
    back_up(store, data)
    assert verify.verify(store, "b", Control()).damaged == ()
    schema = object_key(catalog.manifest(store, "b").schema.sha256)
    for number, key in enumerate(sorted(key for key in store.objects if key.startswith(OBJECTS))):
        flip(store, key)
        damaged = verify.verify(store, "b", Control()).damaged
        assert [damage.object for damage in damaged] == [key]
        if key != schema:
            with pytest.raises(DamagedObject, match=key):
                restored(store, tmp_path / f"staging-{number}")
        flip(store, key)


def test_verify_names_files_that_need_a_missing_object(data: Path) -> None:
    store = Store()
    summary = back_up(store, data)
    del store.objects[first_bundle(store, summary)]
    (damage,) = verify.verify(store, "b", Control(), ["node-0"]).damaged
    assert damage.reason == "it is missing"
    assert f"node-0/shop/orders-{TABLE}/nb-1-big-Data.db" in damage.files


def test_an_object_that_is_cut_off_stops_a_restore(data: Path, tmp_path: Path) -> None:
    store = Store()
    summary = back_up(store, data)
    key = first_bundle(store, summary)
    store.objects[key] = (store.objects[key][0][:-1], store.now)
    with pytest.raises(DamagedObject, match="cut off"):
        restored(store, tmp_path / "staging")


def test_a_download_goes_on_and_mends_what_is_not_right(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "SEGMENT_BYTES", 1000)
    monkeypatch.setattr(upload, "SMALL_BYTES", 100)
    monkeypatch.setattr(download, "BUNDLE_BYTES", 100)
    store = Store()
    back_up(store, data)
    staging = tmp_path / "staging"
    assert restored(store, staging) == below(FILES)
    folder = staging / "shop" / f"orders-{TABLE}"
    with (folder / "nb-1-big-Data.db").open("r+b") as file:
        file.seek(1500)
        file.write(b"x")
    (folder / "manifest.json").write_bytes(b"[]")
    asked: list[str] = []
    store.interrupt(lambda method, key: asked.append(key) if key.startswith(OBJECTS) else None)
    assert restored(store, staging) == below(FILES)
    # The node's manifest, one segment, and the bundle of the small ones.
    assert len(asked) == 3


def test_tables_are_filtered(data: Path, tmp_path: Path) -> None:
    write_snapshot(data, "snap", {"nb-1-big-Data.db": b"customers"}, table="customers")
    store = Store()
    back_up(store, data)
    only = restored(store, tmp_path / "one", tables=frozenset({"shop.customers"}))
    assert only == below({"nb-1-big-Data.db": b"customers"}, "customers")
    both = frozenset({"shop.orders", "shop.customers"})
    assert len(restored(store, tmp_path / "two", tables=both)) == len(FILES) + 1
    assert restored(store, tmp_path / "three", tables=frozenset({"other.orders"})) == {}
    manifest = catalog.manifest(store, "b")
    tables = catalog.contents(store, manifest, manifest.node("node-0"))
    assert [(table.table, table.files) for table in tables] == [("customers", 1), ("orders", len(FILES))]


def test_a_backup_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="there is no backup b"):
        restored(Store(), tmp_path)


def test_what_only_the_node_itself_knows_stays_out(data: Path) -> None:
    folder = data / "system" / f"local-{TABLE}" / "snapshots" / "snap"
    folder.mkdir(parents=True)
    (folder / "nb-1-big-Data.db").write_bytes(b"mine alone")
    assert back_up(Store(), data).files == len(FILES)


def test_objects_that_were_cut_off_are_mended_by_the_next_backup(data: Path, tmp_path: Path) -> None:
    store = Store()
    back_up(store, data)
    for key in [key for key in store.objects if key.startswith(OBJECTS)]:
        store.objects[key] = (store.objects[key][0][:-1], store.now)
    back_up(store, data, "second")
    assert restored(store, tmp_path / "staging", "second") == below(FILES)
    assert verify.verify(store, "second", Control()).damaged == ()


def test_new_files_of_the_same_names_leave_the_earlier_backup_as_it_was(data: Path, tmp_path: Path) -> None:
    store = Store()
    back_up(store, data)
    others = {name: content + b" of the table that was created again" for name, content in FILES.items()}
    write_snapshot(data, "next", others)
    back_up(store, data, "second", "next")
    assert restored(store, tmp_path / "first") == below(FILES)
    assert restored(store, tmp_path / "second", "second") == below(others)
