"""The one-machine Mesos does what a real Mesos did when it was recorded (transcripts/README.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.replay.allowed import ALLOWED, Allowed
from tests.conformance.replay.cluster import OneMachine
from tests.conformance.replay.matching import Difference
from tests.conformance.replay.player import Player
from tests.conformance.replay.transcript import ping_timeout

TRANSCRIPTS = {path.stem: path for path in sorted(Path(__file__).with_name("transcripts").glob("*.json"))}
AT_ONCE = 6
"""Most of the time of a replay is waiting."""

Replays = dict[str, Future[list[Difference]]]


def replay(path: Path, folder: Path) -> list[Difference]:
    entries = json.loads(path.read_text())
    cluster = OneMachine(folder, ping_timeout(entries))
    try:
        cluster.start()
        player = Player(entries, cluster, folder)
        player.play()
        return player.differences
    finally:
        cluster.down()


@pytest.fixture(scope="module")
def replays(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    """All that are asked for, side by side."""
    wanted = [
        name for name in TRANSCRIPTS if any(f"[{name}]" in item.nodeid for item in request.session.items)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(replay, TRANSCRIPTS[name], tmp_path_factory.mktemp(name)) for name in wanted}


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_all_is_as_it_was_recorded(name: str, replays: Replays) -> None:
    differences = replays[name].result()
    unexplained = [item for item in differences if not any(allowed.covers(item) for allowed in ALLOWED)]
    assert not unexplained, "\n".join(["", *map(str, unexplained)])


@pytest.mark.parametrize("allowed", ALLOWED, ids=lambda allowed: allowed.field)
def test_every_allowed_difference_is_there(allowed: Allowed, replays: Replays) -> None:
    if set(replays) != set(TRANSCRIPTS):
        pytest.skip("not all transcripts are played")
    played = [future.result() for future in replays.values() if future.exception() is None]
    differences = [item for found in played for item in found]
    assert any(allowed.covers(item) for item in differences)
