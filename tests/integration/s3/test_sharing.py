"""Two clusters at one location of a real S3 server: see the simulated one among the unit tests."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backup.s3.body import Body
from backup.s3.client import Client, Listed, Sink
from backup.s3.credentials import Given
from backup.s3.meter import Meter
from tests.integration.s3_server import HASTY, KEYS, Server
from tests.unit.executor.backup import sharing
from tests.unit.executor.backup.sharing import Location, Step, disturbed
from tests.unit.executor.backup.store import HookedStore

pytestmark = pytest.mark.needs("go")
numbers = itertools.count()


class RealStore(HookedStore):
    """The client as it is, interrupted before its requests."""

    def __init__(self, client: Client, hook: list[Callable[[str, str], None]]) -> None:
        super().__init__(client.location, Given(KEYS), patience=HASTY)
        self._real = client
        self._hook = hook

    def interrupt(self, hook: Callable[[str, str], None]) -> None:
        self._hook[0] = hook

    def go_on(self) -> None:
        self._hook[0] = lambda method, key: None

    def metered(self, meter: Meter, retrying: Callable[[str | None], None]) -> Client:
        return RealStore(self._real.metered(meter, retrying), self._hook)

    def put(self, key: str, body: Body, *, only_new: bool = True) -> None:
        self._hook[0]("PUT", key)
        self._real.put(key, body, only_new=only_new)

    def get(self, key: str, sink: Sink, offset: int = 0, size: int | None = None) -> None:
        self._hook[0]("GET", key)
        self._real.get(key, sink, offset, size)

    def size(self, key: str) -> int | None:
        self._hook[0]("HEAD", key)
        return self._real.size(key)

    def list(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Iterator[Listed]:
        self._hook[0]("LIST", prefix)
        return self._real.list(prefix, after=after, limit=limit)

    def delete(self, keys: Sequence[str]) -> None:
        self._hook[0]("DELETE", keys[0])
        self._real.delete(keys)

    def close(self) -> None:
        self._real.close()


@settings(
    max_examples=15,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(sequence=st.lists(disturbed(sharing.orders), min_size=2, max_size=6))
def test_a_visible_backup_is_whole_whatever_the_others_do(
    tmp_path_factory: pytest.TempPathFactory, server: Server, sequence: list[Step]
) -> None:
    folder = tmp_path_factory.mktemp("shared")
    store = RealStore(server.client(f"shared-{next(numbers)}"), [lambda method, key: None])
    sharing.run(Location(folder, store), sequence)
    store.close()
    shutil.rmtree(folder)
