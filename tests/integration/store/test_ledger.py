"""The ledger in a real ZooKeeper: one leader writes, whatever becomes of its connection and its session."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_digest_acl

from scheduler.decide.target import first_ledger
from scheduler.model.node import Node
from scheduler.model.operation import Operation, Part
from scheduler.model.settings import Settings
from scheduler.model.world import Controls, Framework, Ledger
from scheduler.store.ledger import Store
from scheduler.store.records import FORMAT, UnreadableRecord, to_bytes
from scheduler.store.session import FateUnknown, Fenced, Session
from scheduler.store.znodes import KINDS
from tests.integration import zookeeper as real
from tests.integration.proxy import Proxy, unchanged
from tests.integration.scripted_server import eventually
from tests.integration.zookeeper import ZooKeeper
from tests.unit.store.formats import stored

pytestmark = pytest.mark.needs("java", "mvn")

ROOTS = (f"/dcos-service-{number}" for number in itertools.count())
SESSION_SECONDS = 4.0


@pytest.fixture(scope="module")
def zookeeper(tmp_path_factory: pytest.TempPathFactory, zookeeper_jars: Path) -> Iterator[ZooKeeper]:
    with real.running(tmp_path_factory.mktemp("zookeeper"), zookeeper_jars) as server:
        yield server


@pytest.fixture
def eyes(zookeeper: ZooKeeper) -> Iterator[KazooClient]:
    """A client that looks at what is stored."""
    with zookeeper.client() as client:
        yield client


class Leader:
    """A process that leads, as far as ZooKeeper knows it, behind a proxy of its own."""

    def __init__(self, zookeeper: ZooKeeper, root: str, seconds: float = SESSION_SECONDS) -> None:
        self.root = root
        self.proxy = Proxy(zookeeper.address)
        self.client = KazooClient(
            self.proxy.address, timeout=seconds, connection_retry={"max_tries": -1, "max_delay": 0.2}
        )
        self.lost = threading.Event()
        self.session = Session(self.client, self.lost.set)
        self.store = Store(self.session, root)
        self.client.start(timeout=60)
        self.lock = ""

    def lead(self) -> None:
        lock = self.client.Lock(f"{self.root}/lock", "me")
        lock.acquire(timeout=60)
        self.lock = f"{self.root}/lock/{lock.node}"
        self.store.take_epoch(self.lock)

    def lead_with(self, ledger: Ledger) -> Ledger:
        self.lead()
        if self.store.load() is None:
            self.store.create(ledger)
        return ledger

    def close(self) -> None:
        self.session.end()
        self.proxy.release()
        self.client.stop()
        self.client.close()
        self.proxy.close()


Starter = Callable[..., Leader]


@pytest.fixture
def start(zookeeper: ZooKeeper) -> Iterator[Starter]:
    with ExitStack() as stack:

        def starter(root: str, **options: float) -> Leader:
            leader = Leader(zookeeper, root, **options)
            stack.callback(leader.close)
            return leader

        yield starter


@pytest.fixture
def root() -> str:
    return next(ROOTS)


def ledger(nodes: int = 3) -> Ledger:
    return first_ledger(Settings(nodes=nodes), "6f1b3ca8-718a-45ae-a814-1c57843b5683")


def with_framework(ledger: Ledger, name: str) -> Ledger:
    return dataclasses.replace(ledger, framework=Framework(name))


def snapshot(client: KazooClient, root: str) -> dict[str, tuple[bytes, int]]:
    """Every znode below a root, with what it holds and when it was last changed."""
    if not client.exists(root):
        return {}
    data, stat = client.get(root)
    found = {root: (data, stat.mzxid)}
    for child in client.get_children(root):
        found.update(snapshot(client, f"{root}/{child}"))
    return found


def records(client: KazooClient, root: str) -> dict[str, tuple[bytes, int]]:
    """The same without what the election leaves."""
    return {
        path: found
        for path, found in snapshot(client, root).items()
        if not path.startswith((f"{root}/lock", f"{root}/epoch"))
    }


def version(client: KazooClient, path: str) -> int:
    number: int = client.get(path)[1].version
    return number


def test_what_is_stored_comes_back(start: Starter, root: str) -> None:
    leader = start(root)
    leader.lead()
    assert leader.store.load() is None
    first = ledger()
    leader.store.create(first)
    assert leader.store.load() == first
    changed = with_framework(first, "F1").with_node(Node(1, launches=4))
    leader.store.commit(first, changed)
    assert leader.store.load() == changed


def test_a_node_that_is_no_more_is_removed(start: Starter, root: str, eyes: KazooClient) -> None:
    leader = start(root)
    first = leader.lead_with(ledger())
    target = dataclasses.replace(first.target, nodes=2)
    left = dataclasses.replace(first, target=target, nodes={0: Node(0), 1: Node(1)})
    leader.store.commit(first, left)
    assert leader.store.load() == left
    assert sorted(eyes.get_children(f"{root}/nodes")) == ["node-0", "node-1"]


def test_one_transaction_writes_no_more_than_what_has_changed(
    start: Starter, root: str, eyes: KazooClient
) -> None:
    leader = start(root)
    first = leader.lead_with(ledger())
    before = records(eyes, root)
    leader.store.commit(first, first.with_node(Node(1, launches=1)))
    after = records(eyes, root)
    assert [path for path in after if after[path] != before[path]] == [f"{root}/nodes/node-1"]


def test_a_thousand_nodes_are_stored_and_read(start: Starter, root: str) -> None:
    leader = start(root)
    first = leader.lead_with(ledger(1000))
    assert leader.store.load() == first
    many = {n: dataclasses.replace(node, abandoned=("g" * 2000,)) for n, node in first.nodes.items()}
    leader.store.commit(first, dataclasses.replace(first, nodes=many))
    found = leader.store.load()
    assert found is not None
    assert found.nodes == many


@pytest.mark.parametrize("left", [0, 1, 500])
def test_a_first_start_that_was_cut_off_is_begun_again(
    start: Starter, root: str, eyes: KazooClient, left: int
) -> None:
    leader = start(root)
    leader.lead_with(ledger(1000))
    for kind in KINDS:
        eyes.delete(f"{root}/{kind}")
    for number in range(left, 1000):
        eyes.delete(f"{root}/nodes/node-{number}")
    assert leader.store.load() is None
    leader.store.create(ledger(3))
    assert leader.store.load() == ledger(3)


def test_blank_nodes_of_a_growth_that_was_cut_off_are_not_taken_for_members(
    start: Starter, root: str
) -> None:
    leader = start(root)
    first = leader.lead_with(ledger(3))
    more = dataclasses.replace(first, nodes={n: Node(n) for n in range(6)})
    leader.store.commit(first, more)
    assert leader.store.load() == first
    grown = dataclasses.replace(more, target=dataclasses.replace(first.target, nodes=6))
    leader.store.commit(first, grown)
    assert leader.store.load() == grown


# Two leaders.


def test_an_earlier_leader_can_write_nothing(start: Starter, root: str, eyes: KazooClient) -> None:
    old, new = start(root), start(root)
    first = old.lead_with(ledger())
    eyes.delete(old.lock)  # by mistake of somebody: the old leader's session is alive and well
    new.lead()
    before = snapshot(eyes, root)
    for changed in (with_framework(first, "F2"), first.with_node(Node(2, launches=1))):
        with pytest.raises(Fenced):
            old.store.commit(first, changed)
    with pytest.raises(Fenced):
        old.store.confirm()
    assert snapshot(eyes, root) == before
    new.store.confirm()


def test_without_the_lock_no_epoch_is_begun(start: Starter, root: str, eyes: KazooClient) -> None:
    leader, late = start(root), start(root)
    leader.lead_with(ledger())
    before = snapshot(eyes, root)
    with pytest.raises(Fenced):
        late.store.take_epoch(f"{root}/lock/gone__lock__0000000099")
    assert snapshot(eyes, root) == before
    leader.store.confirm()


def test_a_leader_whose_session_has_expired_can_do_nothing_though_nobody_else_leads(
    start: Starter, root: str, eyes: KazooClient, zookeeper: ZooKeeper
) -> None:
    leader = start(root)
    first = leader.lead_with(ledger())
    zookeeper.expire(leader.client.client_id)
    eventually(leader.lost.is_set, "the loss of the session")
    eventually(lambda: leader.client.connected, "a new session of kazoo's own")
    before = records(eyes, root)
    for forbidden in (
        lambda: leader.store.commit(first, with_framework(first, "F2")),
        leader.store.confirm,
        leader.store.load,
        lambda: leader.store.take_epoch(leader.lock),
    ):
        with pytest.raises(Fenced):
            forbidden()
    assert records(eyes, root) == before


def test_a_record_that_another_has_changed_is_not_overwritten(
    start: Starter, root: str, eyes: KazooClient
) -> None:
    leader = start(root)
    first = leader.lead_with(ledger())
    eyes.set(f"{root}/controls", b"by hand")
    with pytest.raises(Fenced, match=f"znode {root}/controls is not as this leader has left it"):
        leader.store.commit(first, dataclasses.replace(first, controls=Controls(("deploy",))))
    assert eyes.get(f"{root}/controls")[0] == b"by hand"


# Connections that break.


def test_a_write_that_took_place_but_was_not_confirmed_is_found_and_not_repeated(
    start: Starter, root: str, eyes: KazooClient
) -> None:
    leader = start(root)
    first = leader.lead_with(ledger())
    changed = with_framework(first, "F1").with_node(Node(0, launches=1))
    leader.proxy.up = arm(leader.proxy, cut_answer=True)
    leader.store.commit(first, changed)
    assert leader.store.load() == changed
    assert version(eyes, f"{root}/framework") == version(eyes, f"{root}/nodes/node-0") == 1
    leader.store.commit(changed, with_framework(changed, "F3"))
    assert version(eyes, f"{root}/framework") == 2
    assert not leader.lost.is_set()


def test_a_write_that_did_not_arrive_is_made_once_the_connection_is_back(
    start: Starter, root: str, eyes: KazooClient
) -> None:
    leader = start(root)
    first = leader.lead_with(ledger())
    changed = with_framework(first, "F1")
    leader.proxy.up = arm(leader.proxy, cut_answer=False)
    leader.store.commit(first, changed)
    assert leader.store.load() == changed
    assert version(eyes, f"{root}/framework") == 1


def arm(proxy: Proxy, cut_answer: bool, refuse: bool = False) -> Callable[[bytes], bytes | None]:
    """Cut the connection at the next transaction: on its way, or once it is made and about to be answered."""

    def up(data: bytes) -> bytes | None:
        if b"/epoch" not in data:
            return data
        proxy.up = unchanged
        if not cut_answer:
            return None
        proxy.down = down
        return data

    def down(data: bytes) -> bytes | None:
        proxy.down = unchanged
        proxy.refuse(refuse)
        return None

    return up


def test_a_write_whose_fate_is_never_told_is_of_unknown_fate(
    start: Starter, root: str, zookeeper: ZooKeeper
) -> None:
    leader = start(root)
    first = leader.lead_with(ledger())
    session = leader.client.client_id

    def expire() -> None:
        eventually(lambda: leader.session.state == "suspended", "the suspension")
        zookeeper.expire(session)
        leader.proxy.refuse(False)

    leader.proxy.up = arm(leader.proxy, cut_answer=True, refuse=True)
    expiring = threading.Thread(target=expire)
    expiring.start()
    with pytest.raises(FateUnknown):
        leader.store.commit(first, with_framework(first, "F1"))
    expiring.join()


def test_while_zookeeper_does_not_answer_a_write_waits(start: Starter, root: str) -> None:
    leader = start(root)
    first = leader.lead_with(ledger())
    changed = with_framework(first, "F1")
    leader.proxy.refuse()
    eventually(lambda: leader.session.state == "suspended", "the suspension")
    assert leader.session.suspended_since is not None
    assert not leader.session.wait(0)
    writing = threading.Thread(target=lambda: leader.store.commit(first, changed))
    writing.start()
    leader.proxy.refuse(False)
    writing.join(20)
    assert not writing.is_alive()
    assert leader.session.suspended_since is None
    assert leader.store.load() == changed


# Damage.


def truncated(client: KazooClient, path: str) -> None:
    client.set(path, client.get(path)[0][:-5])


def emptied(client: KazooClient, path: str) -> None:
    client.set(path, b"")


def of_another_type(client: KazooClient, path: str) -> None:
    client.set(path, json.dumps({"format": FORMAT, "record": 7}).encode())


def of_a_newer_version(client: KazooClient, path: str) -> None:
    client.set(path, json.dumps({"format": FORMAT + 1, "record": {}}).encode())


def removed(client: KazooClient, path: str) -> None:
    client.delete(path, recursive=True)


ZNODES = [*KINDS, "nodes/node-1"]


@pytest.mark.parametrize("damage", [truncated, emptied, of_another_type, of_a_newer_version, removed])
@pytest.mark.parametrize("name", ZNODES)
def test_a_damaged_znode_is_named_and_left_as_it_is(
    start: Starter, root: str, eyes: KazooClient, name: str, damage: Callable[[KazooClient, str], None]
) -> None:
    leader = start(root)
    leader.lead_with(ledger())
    damage(eyes, f"{root}/{name}")
    before = records(eyes, root)
    with pytest.raises(UnreadableRecord, match=f"znode {root}/{name} "):
        leader.store.load()
    assert records(eyes, root) == before


def test_nodes_that_are_all_missing_are_missed(start: Starter, root: str, eyes: KazooClient) -> None:
    leader = start(root)
    leader.lead_with(ledger())
    removed(eyes, f"{root}/nodes")
    with pytest.raises(UnreadableRecord, match=f"znode {root}/nodes is missing"):
        leader.store.load()


def test_records_without_their_epoch_are_not_taken_over(start: Starter, root: str, eyes: KazooClient) -> None:
    leader = start(root)
    leader.lead_with(ledger())
    removed(eyes, f"{root}/epoch")
    with pytest.raises(UnreadableRecord, match=f"znode {root}/epoch is missing"):
        leader.store.take_epoch(leader.lock)
    assert not eyes.exists(f"{root}/epoch")


def test_an_operation_is_stored_read_and_forgotten(start: Starter, root: str, eyes: KazooClient) -> None:
    leader = start(root)
    first = leader.lead_with(ledger())
    one = Operation("7d0c", 1, "cleanup", {"ks": ("t",)}, (Part(0),), 1000.0)
    with_one = dataclasses.replace(first, operations={one.id: one})
    leader.store.commit(first, with_one)
    assert leader.store.load() == with_one
    leader.store.commit(with_one, first)
    assert leader.store.load() == first
    eyes.create(f"{root}/operations/other", to_bytes(one))
    with pytest.raises(UnreadableRecord, match=r"operations/other is damaged \(it says that it is"):
        leader.store.load()


def test_a_node_under_the_name_of_another_is_damage(start: Starter, root: str, eyes: KazooClient) -> None:
    leader = start(root)
    leader.lead_with(ledger())
    eyes.set(f"{root}/nodes/node-1", eyes.get(f"{root}/nodes/node-2")[0])
    with pytest.raises(UnreadableRecord, match=r"node-1 is damaged \(it says that it is nodes/node-2"):
        leader.store.load()


# Other versions, other programs.


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_the_state_of_each_older_version_is_read_and_written_on(
    start: Starter, root: str, eyes: KazooClient, number: int
) -> None:
    for name, data in stored(number).items():
        eyes.create(f"{root}/{name}", data, makepath=True)
    eyes.create(f"{root}/epoch")
    leader = start(root)
    leader.lead()
    found = leader.store.load()
    assert found is not None
    changed = with_framework(found, "F2")
    leader.store.commit(found, changed)
    assert leader.store.load() == changed
    assert json.loads(eyes.get(f"{root}/framework")[0])["format"] == FORMAT
    assert eyes.get(f"{root}/nodes/node-0")[0] == stored(number)["nodes/node-0"], "rewritten when it changes"


def test_where_a_newer_version_has_led_an_older_one_does_not(
    start: Starter, root: str, eyes: KazooClient
) -> None:
    leader = start(root)
    leader.lead_with(ledger())
    eyes.set(f"{root}/epoch", json.dumps({"format": FORMAT + 1}).encode())
    before = snapshot(eyes, root)
    with pytest.raises(UnreadableRecord, match="start the version that wrote it, or a newer one"):
        leader.store.take_epoch(leader.lock)
    assert snapshot(eyes, root) == before


PREDECESSOR: dict[str, bytes] = {
    "SchemaVersion": b"1",
    "FrameworkID": b"\n\x29\x31",
    "ConfigTarget": b"0e8d0a5a-12d7-4a8e-9f0b-0f4b3f4f0a11",
    "Configurations/0e8d0a5a-12d7-4a8e-9f0b-0f4b3f4f0a11": b"{}",
    "Tasks/node-0/TaskInfo": b"\n\x06node-0",
    "Properties/suppressed": b"true",
}


def test_the_state_of_a_predecessor_is_refused_and_not_touched(
    start: Starter, root: str, eyes: KazooClient
) -> None:
    for name, data in PREDECESSOR.items():
        eyes.create(f"{root}/{name}", data, makepath=True)
    before = snapshot(eyes, root)
    with pytest.raises(UnreadableRecord) as raised:
        start(root).store.refuse_foreign_state()
    assert str(raised.value) == (
        f"znode {root} holds ConfigTarget, Configurations, FrameworkID, Properties, SchemaVersion, Tasks, "
        "the state of a predecessor of this service: it is left untouched; choose another SERVICE_NAME, or "
        "remove that service and its znodes"
    )
    assert snapshot(eyes, root) == before


def test_the_state_of_a_stranger_is_refused(start: Starter, root: str, eyes: KazooClient) -> None:
    eyes.create(f"{root}/brokers", b"", makepath=True)
    with pytest.raises(UnreadableRecord, match=f"znode {root} holds brokers, which this service did not"):
        start(root).store.refuse_foreign_state()


def test_an_empty_root_and_its_own_state_are_no_foreign_state(start: Starter, root: str) -> None:
    leader = start(root)
    leader.store.refuse_foreign_state()
    leader.lead_with(ledger())
    leader.store.refuse_foreign_state()


def test_what_may_not_be_read_is_named(start: Starter, root: str, eyes: KazooClient) -> None:
    leader = start(root)
    leader.lead_with(ledger())
    acl: Any = make_digest_acl("other", "login", all=True)
    eyes.set_acls(f"{root}/target", [acl])
    with pytest.raises(UnreadableRecord, match=f"znode {root}/target may not be read: set ZOOKEEPER_AUTH"):
        leader.store.load()
