# The body of an executor: a process that does nothing by itself. It tells the player (whose address stands
# in PLAYER, written above this text) who it is, and ends as the player says, or when there is no player any
# more. What an executor says to its agent, the player says in its place.
import json
import os
import socket
import sys

player = socket.create_connection(PLAYER)  # type: ignore[name-defined]  # noqa: F821
open("transcript.jsonl", "w").close()  # noqa: PTH123 - the executor that was recorded had its log here
hello = {"argv": sys.argv, "pid": os.getpid(), "environment": dict(os.environ)}
player.sendall(json.dumps(hello).encode() + b"\n")
status = player.makefile().readline()
os._exit(int(status or 1))
