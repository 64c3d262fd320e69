"""Records as bytes: what older versions wrote is read, and nothing is guessed."""

from __future__ import annotations

import json

import pytest

from scheduler.decide.target import retarget
from scheduler.model.node import Node
from scheduler.model.settings import Settings
from scheduler.model.world import Controls, Framework, Target
from scheduler.store.records import FORMAT, UnreadableRecord, check_mark, format_mark, from_bytes, to_bytes
from scheduler.store.znodes import KINDS
from tests.unit.store.formats import kind_of, ledger_of, stored

PATH = "/dcos-service-cassandra/framework"
HINT = (
    "a stored field was added, renamed or changed: raise FORMAT in scheduler/store/records.py where the "
    "present one was released, see to store/migration.py, and run python -m tests.unit.store.formats"
)


def test_the_bytes_of_the_present_format_are_fixed() -> None:
    for name, data in stored(FORMAT).items():
        try:
            again = to_bytes(from_bytes(kind_of(name), data, name))
        except UnreadableRecord as error:
            pytest.fail(f"{HINT} ({error})")
        assert again == data, HINT


@pytest.mark.parametrize("number", range(1, FORMAT))
def test_what_each_older_format_says_is_read(number: int) -> None:
    older, present = ledger_of(number), ledger_of(FORMAT)
    assert older.nodes == {number: present.nodes[number] for number in older.nodes}
    assert [getattr(older, name) for name in KINDS] == [getattr(present, name) for name in KINDS]


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_a_new_process_with_the_same_settings_has_nothing_to_roll_out(number: int) -> None:
    ledger = ledger_of(number)
    changed, errors = retarget(ledger, Settings(nodes=3, node=ledger.target.node))
    assert (changed.target, errors) == (ledger.target, ())
    node, task = changed.nodes[0], changed.nodes[0].task
    assert task is not None
    assert {task.config_id, node.deployed, node.begun} == {changed.target.config_id}


def test_equal_records_give_equal_bytes() -> None:
    assert to_bytes(Controls(("deploy",))) == to_bytes(Controls(("deploy",)))


def record(**fields: object) -> bytes:
    return json.dumps({"format": FORMAT, **fields}).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is not JSON"),
        (to_bytes(Framework("F1"))[:-9], "it is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[1]", "it is not a JSON object"),
        (b"null", "it is not a JSON object"),
        (b"{}", "it has no format version"),
        (b'{"format": true, "record": {"id": "F1"}}', "it has no format version"),
        (b'{"format": "2", "record": {"id": "F1"}}', "it has no format version"),
        (b'{"format": 0, "record": {"id": "F1"}}', "it has no format version"),
        (record(), "Framework: expected dict, found NoneType"),
        (record(record=[]), "Framework: expected dict, found list"),
        (record(record={}), "Framework: it has no id"),
        (record(record={"id": 7}), "Framework.id: expected str, found int"),
    ],
)
def test_damage_is_named_with_what_to_do(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableRecord) as raised:
        from_bytes(Framework, data, PATH)
    assert str(raised.value) == (
        f"znode {PATH} is damaged ({why}): it is left as it is; restore it from a copy of ZooKeeper's data"
    )


def test_a_field_that_was_lost_is_not_taken_for_its_default() -> None:
    body = json.loads(stored(FORMAT)["nodes/node-0"])
    del body["record"]["task"]["executor"]["uri"]
    del body["record"]["bootstrapped"]
    with pytest.raises(UnreadableRecord, match=r"node-0 is damaged \(Node.*"):
        from_bytes(Node, json.dumps(body).encode(), "node-0")


@pytest.mark.parametrize("damage", [{"format": 1}, {"format": 1, "record": {}}, {"format": 1, "record": 3}])
def test_damage_in_an_older_format_is_named_too(damage: dict[str, object]) -> None:
    with pytest.raises(UnreadableRecord, match="znode t is damaged"):
        from_bytes(Target, json.dumps(damage).encode(), "t")


def test_what_a_newer_version_wrote_is_refused_with_what_to_do() -> None:
    newer = json.dumps({"format": FORMAT + 1, "record": {"id": "F1", "more": 1}}).encode()
    with pytest.raises(UnreadableRecord) as raised:
        from_bytes(Framework, newer, PATH)
    assert str(raised.value) == (
        f"znode {PATH} has format {FORMAT + 1}, of a newer scheduler, and this one reads up to {FORMAT}: "
        "it is left as it is; start the version that wrote it, or a newer one"
    )


def test_the_mark_of_a_leader_is_read_by_its_own_and_later_versions() -> None:
    check_mark(format_mark(), "epoch")
    check_mark(b"", "epoch")
    with pytest.raises(UnreadableRecord, match="of a newer scheduler"):
        check_mark(json.dumps({"format": FORMAT + 1}).encode(), "epoch")
