"""The agent's line to the master: registration, commands in, reports out."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import socket
from collections.abc import Callable
from typing import Any

import gevent

Json = dict[str, Any]

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.3
CALL_SECONDS = 10.0
DEFAULT_SILENCE_SECONDS = 75.0


class MasterLink:
    """Stays registered. ``registration`` makes what is said at each try; ``obey`` takes each command."""

    def __init__(self, registration: Callable[[], Json], obey: Callable[[Json], None]) -> None:
        self._registration = registration
        self._obey = obey
        self._agent_id: str | None = None
        self._master: str | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._stopped = False

    @property
    def master(self) -> str | None:
        """The master's host:port, as far as one is known."""
        return self._master

    @property
    def registered(self) -> bool:
        """Whether the master has taken us in, and listens."""
        return self._agent_id is not None

    def run(self, find_master: Callable[[], str | None]) -> None:
        """Register again and again, for ever. ``find_master`` gives the leading master's host:port."""
        while not self._stopped:
            self._master = find_master()
            if self._master is not None:
                try:
                    self._stay_registered(self._master)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    log.info("no line to the master %s: %s", self._master, error)
            self._agent_id = None
            gevent.sleep(RETRY_SECONDS)

    def _stay_registered(self, master: str) -> None:
        host, _, port = master.rpartition(":")
        self._connection = connection = http.client.HTTPConnection(host, int(port), timeout=CALL_SECONDS)
        try:
            body = json.dumps(self._registration())
            connection.request("POST", "/internal/agents", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise ValueError(f"{answer.status} {answer.read(200)!r}")
            self._read_commands(connection, answer)
        finally:
            connection.close()

    def _read_commands(
        self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
    ) -> None:
        while head := answer.readline():
            command = json.loads(answer.read(int(head)))
            if command["type"] == "REGISTERED":
                self._agent_id = command["agent_id"]["value"]
                silence = command.get("ping_timeout_seconds") or DEFAULT_SILENCE_SECONDS
                if connection.sock is not None:
                    connection.sock.settimeout(silence)
            if command["type"] == "PING":
                self.report({"type": "PONG"})
            else:
                self._obey(command)

    def report(self, body: Json) -> bool:
        """Tell the master something; False where it could not be told. What matters is repeated."""
        if self._agent_id is None or self._master is None:
            return False
        host, _, port = self._master.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=CALL_SECONDS)
        try:
            path = f"/internal/agents/{self._agent_id}"
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            return connection.getresponse().status == 202
        except (OSError, http.client.HTTPException) as error:
            log.info("%s was not told to the master: %s", body["type"], error)
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Let the line go and register no more."""
        self._stopped = True
        sock = self._connection.sock if self._connection else None
        if sock is not None:
            # Not closed: another greenlet reads from it, and closes it at the end of the stream.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
