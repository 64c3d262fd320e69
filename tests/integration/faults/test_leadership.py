"""Several schedulers of one service, as processes, with a real ZooKeeper and the cluster's own Mesos master.

No nodes are started here: who leads, writes and calls Mesos does not depend on them.
"""

from __future__ import annotations

import itertools
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient

from local import http
from scheduler.store.records import FORMAT
from tests.integration import scheduler as schedulers
from tests.integration import zookeeper as real
from tests.integration.proxy import Proxy
from tests.integration.scheduler import Scheduler
from tests.integration.scripted_server import eventually
from tests.integration.zookeeper import ZooKeeper

pytestmark = pytest.mark.needs("java", "mvn")

NAMES = (f"service-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def zookeeper(tmp_path_factory: pytest.TempPathFactory, zookeeper_jars: Path) -> Iterator[ZooKeeper]:
    with real.running(tmp_path_factory.mktemp("leadership"), zookeeper_jars) as server:
        server.cluster.start(["master"], time.sleep)
        yield server


@pytest.fixture
def eyes(zookeeper: ZooKeeper) -> Iterator[KazooClient]:
    with zookeeper.client() as client:
        yield client


@pytest.fixture
def name() -> str:
    return next(NAMES)


@pytest.fixture
def root(name: str) -> str:
    return f"/dcos-service-{name}"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


Starter = Callable[..., Scheduler]


@pytest.fixture
def start(zookeeper: ZooKeeper, name: str, stack: ExitStack) -> Starter:
    def starter(**settings: str) -> Scheduler:
        one = schedulers.start(zookeeper.cluster, SERVICE_NAME=name, **settings)
        stack.callback(one.kill)
        return one

    return starter


@pytest.fixture
def between(zookeeper: ZooKeeper, stack: ExitStack) -> Proxy:
    """A proxy before ZooKeeper, for one scheduler alone."""
    proxy = Proxy(zookeeper.address)
    stack.callback(proxy.close)
    return proxy


def leader_and_standby(start: Starter, **settings: str) -> tuple[Scheduler, Scheduler]:
    leader = start(**settings)
    eventually(leader.leads, "the first to lead")
    standby = start()
    eventually(standby.stands_by, "the second to stand by")
    return leader, standby


def interrupted(scheduler: Scheduler) -> bool:
    body = scheduler.get("/v1/plan")[1]
    return bool(body and body.get("interrupted"))


def frameworks(zookeeper: ZooKeeper, name: str) -> list[dict[str, Any]]:
    """What the master knows of a service."""
    host, _, port = zookeeper.cluster.layout.master.rpartition(":")
    body: Any = http.get(host, int(port), "/frameworks")[1]
    return [one for one in body["frameworks"] if one["name"] == name]


def written(client: KazooClient, path: str) -> dict[str, int]:
    """When each record below a path was last changed, but for the queue at the lock."""
    found = {path: client.get(path)[1].mzxid}
    for child in client.get_children(path):
        if child != "lock":
            found.update(written(client, f"{path}/{child}"))
    return found


def test_a_standby_answers_with_the_leaders_answers(start: Starter) -> None:
    leader, standby = leader_and_standby(start)
    for path in ("/v1/plan", "/v1/plans", "/v1/state/frameworkId", "/v1/nodes/node-9/info"):
        (status, body, _), (passed, same, headers) = leader.get(path), standby.get(path)
        assert (passed, headers["X-Served-By"]) == (status, leader.url)
        assert path == "/v1/plan" or same == body
    health = standby.health()
    assert (health["serving"], health["leader"], health["leader_url"]) == (True, False, leader.url)
    assert health["reasons"] == [f"standing by: {leader.url} leads"]
    assert standby.call("PUT", "/v1/plan?cmd=interrupt")[0] == 200
    assert interrupted(leader)


def test_when_the_leader_is_killed_the_standby_takes_over_and_forgets_nothing(
    start: Starter, zookeeper: ZooKeeper, name: str
) -> None:
    leader, standby = leader_and_standby(start)
    assert leader.call("PUT", "/v1/plan?cmd=interrupt")[0] == 200
    (before,) = frameworks(zookeeper, name)
    leader.kill()
    # How long that takes is what benchmarks/failover.py measures.
    eventually(standby.leads, "the standby to lead")
    assert interrupted(standby)
    (after,) = frameworks(zookeeper, name)
    assert after["id"] == before["id"]


def test_a_leader_that_is_stopped_as_asked_hands_over_at_once(start: Starter) -> None:
    leader, standby = leader_and_standby(start)
    leader.signal(signal.SIGTERM)
    leader.ended(0)
    eventually(standby.leads, "the standby to lead")


def test_a_leader_that_hung_for_too_long_writes_nothing_calls_nothing_and_ends(
    start: Starter, zookeeper: ZooKeeper, name: str, root: str, eyes: KazooClient
) -> None:
    leader, standby = leader_and_standby(start)
    leader.signal(signal.SIGSTOP)
    eventually(standby.leads, "the standby to lead")
    before = written(eyes, root)
    (known,) = frameworks(zookeeper, name)
    leader.signal(signal.SIGCONT)
    leader.ended(3)
    assert written(eyes, root) == before
    assert standby.leads()
    (still,) = frameworks(zookeeper, name)
    assert still["reregistered_time"] == known["reregistered_time"], "nobody has subscribed since"


def test_a_leader_whose_session_expires_ends_and_the_standby_leads(
    start: Starter, zookeeper: ZooKeeper, root: str, eyes: KazooClient
) -> None:
    sessions = Sessions(zookeeper)
    leader = start(ZOOKEEPER_SERVERS=sessions.proxy.address)
    eventually(leader.leads, "the first to lead")
    standby = start()
    eventually(standby.stands_by, "the second to stand by")
    zookeeper.expire(sessions.newest)
    leader.ended(3)
    eventually(standby.leads, "the standby to lead")
    sessions.proxy.close()


class Sessions:
    """Overhears a client's handshake: the id and password of its session."""

    def __init__(self, zookeeper: ZooKeeper) -> None:
        self.proxy = Proxy(zookeeper.address)
        self.proxy.down = self._listen
        self.newest: tuple[int, bytes] | None = None

    def _listen(self, data: bytes) -> bytes | None:
        # The answer to a connection: length, protocol version, time-out, session id, password.
        if self.newest is None and len(data) >= 36 and int.from_bytes(data[4:8], "big") == 0:
            self.newest = int.from_bytes(data[12:20], "big", signed=True), data[24:40]
        return data


def test_a_start_without_zookeeper_answers_at_once_and_leads_once_it_is_there(
    start: Starter, between: Proxy
) -> None:
    between.refuse()
    early = start(ZOOKEEPER_SERVERS=between.address)
    status, body, _ = early.get("/v1/plan")
    assert (status, body["message"]) == (503, "this instance does not lead: connecting to ZooKeeper")
    assert early.get("/v1/health")[0] == 503
    assert early.health()["zookeeper"] == "connecting"
    between.refuse(False)
    eventually(early.leads, "it to lead")


def test_while_zookeeper_is_away_nothing_is_decided_and_reads_go_on(
    start: Starter, between: Proxy, root: str, eyes: KazooClient
) -> None:
    leader = start(ZOOKEEPER_SERVERS=between.address)
    eventually(leader.leads, "it to lead")
    between.refuse()
    eventually(lambda: leader.health().get("zookeeper") == "suspended", "the suspension")
    before = written(eyes, root)
    answers: list[Any] = []
    ordering = threading.Thread(target=lambda: answers.append(leader.call("PUT", "/v1/plan?cmd=interrupt")))
    ordering.start()
    status, _, headers = leader.get("/v1/plan")
    assert status in (200, 202)
    assert int(headers["Age"]) >= 0
    between.refuse(False)  # within the session's time: what waited is done
    ordering.join()
    assert answers[0][0] == 200, answers
    assert written(eyes, root)[f"{root}/controls"] > before[f"{root}/controls"]
    assert leader.process.poll() is None
    assert "Age" not in leader.get("/v1/plan")[2]


def test_a_command_that_zookeeper_does_not_take_in_time_is_refused_and_not_stored(
    start: Starter, zookeeper: ZooKeeper, root: str, eyes: KazooClient
) -> None:
    leader = start()
    eventually(leader.leads, "it to lead")
    before = eyes.get(f"{root}/controls")[0]
    zookeeper.signal(signal.SIGSTOP)
    try:
        eventually(lambda: leader.health().get("zookeeper") == "suspended", "the suspension")
        status, body, _ = leader.call("PUT", "/v1/plan?cmd=interrupt")
    finally:
        zookeeper.signal(signal.SIGCONT)
    assert status == 503
    assert body["message"] == (
        "the service is waiting for ZooKeeper or Mesos: the command is not stored, nothing changed; repeat it"
    )
    assert eyes.retry(eyes.get, f"{root}/controls")[0] == before


def test_a_damaged_record_is_named_by_the_api_until_it_is_repaired(
    start: Starter, root: str, eyes: KazooClient
) -> None:
    leader = start()
    eventually(leader.leads, "it to lead")
    leader.signal(signal.SIGTERM)
    leader.ended(0)
    whole = eyes.get(f"{root}/target")[0]
    eyes.set(f"{root}/target", whole[:-7])
    later = start()
    problem = f"znode {root}/target is damaged (it is not JSON)"
    eventually(lambda: problem in later.health().get("message", ""), "the reason")
    status, body, _ = later.get("/v1/plan")
    assert status == 503
    assert problem in body["message"]
    assert eyes.get(f"{root}/target")[0] == whole[:-7]
    eyes.set(f"{root}/target", whole)
    eventually(later.leads, "it to lead")


def test_an_older_scheduler_lets_a_newer_one_lead(start: Starter, root: str, eyes: KazooClient) -> None:
    leader = start()
    eventually(leader.leads, "it to lead")
    eyes.set(f"{root}/epoch", json.dumps({"format": FORMAT + 1}).encode())
    leader.signal(signal.SIGTERM)
    leader.ended(0)
    older = start()
    eventually(lambda: "of a newer scheduler" in older.health().get("message", ""), "the reason")
    eventually(lambda: not eyes.get_children(f"{root}/lock"), "the lock to be free for others")


def test_state_of_a_predecessor_is_refused_and_left_untouched(
    start: Starter, root: str, eyes: KazooClient
) -> None:
    eyes.create(f"{root}/ConfigTarget", b"0e8d0a5a", makepath=True)
    eyes.create(f"{root}/Tasks/node-0/TaskInfo", b"\n\x06node-0", makepath=True)
    before = written(eyes, root)
    late = start()
    eventually(lambda: "the state of a predecessor" in late.health().get("message", ""), "the reason")
    status, body, _ = late.get("/v1/plan")
    assert status == 503
    assert "it is left untouched" in body["message"]
    assert written(eyes, root) == before
    assert sorted(eyes.get_children(root)) == ["ConfigTarget", "Tasks"]


# The way to the master.


@pytest.fixture
def before_mesos(zookeeper: ZooKeeper, stack: ExitStack) -> Proxy:
    proxy = Proxy(zookeeper.cluster.layout.master)
    stack.callback(proxy.close)
    return proxy


def cut_within(limit: int) -> Callable[[bytes], bytes | None]:
    """Pass so many bytes on and cut: within a record, or within the head of the answer."""
    left = [limit]

    def down(data: bytes) -> bytes | None:
        if left[0] <= 0:
            return None
        data, left[0] = data[: left[0]], left[0] - len(data)
        return data

    return down


@pytest.mark.parametrize("limit", [0, 20, 190, 400])
def test_a_stream_that_is_cut_anywhere_is_opened_again(
    start: Starter, before_mesos: Proxy, limit: int
) -> None:
    leader = start(MESOS_MASTER=before_mesos.address)
    eventually(leader.leads, "it to lead")
    before_mesos.down = cut_within(limit)
    before_mesos.cut()
    eventually(lambda: leader.health().get("registered") is False, "the end of the subscription")
    before_mesos.down = lambda data: data
    before_mesos.cut()
    eventually(leader.leads, "it to be registered again")


def test_a_master_that_is_slow_and_one_byte_at_a_time_is_read(start: Starter, before_mesos: Proxy) -> None:
    def slowly(data: bytes) -> bytes | None:
        time.sleep(0.05)
        return data

    before_mesos.down = slowly
    leader = start(MESOS_MASTER=before_mesos.address)
    eventually(leader.leads, "it to lead")
    before_mesos.hold()
    status, _, _ = leader.get("/v1/plan")
    assert status in (200, 202), "a master that hangs holds no read up"
    before_mesos.release()
    eventually(leader.leads, "it to be registered")


def test_a_master_that_hangs_and_dies_is_outlived(start: Starter, zookeeper: ZooKeeper, name: str) -> None:
    leader = start()
    eventually(leader.leads, "it to lead")
    (known,) = frameworks(zookeeper, name)
    zookeeper.cluster.processes["master"].signal(signal.SIGSTOP)
    assert leader.get("/v1/plan")[0] in (200, 202), "a master that hangs holds no read up"
    zookeeper.cluster.end(["master"], signal.SIGKILL)
    eventually(lambda: leader.health().get("registered") is False, "the end of the subscription")
    zookeeper.cluster.start(["master"], time.sleep)
    eventually(leader.leads, "it to be registered again")
    (again,) = frameworks(zookeeper, name)
    assert again["id"] == known["id"]
