"""``python -m tests.conformance.replay.record COMMAND FOLDER [NAME…]``: record transcripts anew.

Plays the transcripts (all, or those named, such as 12-kill) on the Mesos that COMMAND controls, writes what
that Mesos says to FOLDER, and prints where it says something else than was recorded.
"""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.conformance.replay.cluster import Controlled
from tests.conformance.replay.player import Player
from tests.conformance.replay.streams import Missing
from tests.conformance.replay.transcript import ping_timeout

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"


def record(transcript: Path, command: list[str], target: Path) -> None:
    """Play one transcript and write another."""
    entries = json.loads(transcript.read_text())
    cluster = Controlled(command, ping_timeout(entries))
    with tempfile.TemporaryDirectory() as folder:
        try:
            cluster.start()
            player = Player(entries, cluster, Path(folder))
            _play(player, transcript.stem)
            target.write_text(written(player.seen))
        finally:
            cluster.down()


def _play(player: Player, name: str) -> None:
    try:
        player.play()
    except Missing as error:
        print(f"{name}: stopped, {error}")
    for difference in player.differences:
        print(f"{name}: {difference}")


def written(entries: list[dict[str, Any]]) -> str:
    """A transcript as it is stored: each entry on a line of its own."""
    lines = (json.dumps(entry, separators=(",", ":"), ensure_ascii=False) for entry in entries)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main(command: str, folder: str, *names: str) -> None:
    """Record all, or those named."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name in names or sorted(path.stem for path in TRANSCRIPTS.glob("*.json")):
        record(TRANSCRIPTS / f"{name}.json", shlex.split(command), target / f"{name}.json")
        print(f"{name}: written", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
