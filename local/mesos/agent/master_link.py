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
from gevent.queue import JoinableQueue

Json = dict[str, Any]

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.3
CALL_SECONDS = 10.0
DEFAULT_SILENCE_SECONDS = 75.0


class MasterLink:
    """Stays registered; ``registration`` makes what is said at each try.

    Reports go out one after the other over a connection of their own: in the order in which they were made.
    """

    def __init__(self, registration: Callable[[], Json]) -> None:
        self._registration = registration
        self._obey: Callable[[Json], None] = lambda command: None
        self._agent_id: str | None = None
        self._master: str | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._reports: JoinableQueue[Json] = JoinableQueue()
        self._stopped = False

    @property
    def master(self) -> str | None:
        """The master's host:port, as far as one is known."""
        return self._master

    @property
    def registered(self) -> bool:
        """Whether the master has taken us in, and listens."""
        return self._agent_id is not None

    def run(self, find_master: Callable[[], str | None], obey: Callable[[Json], None]) -> None:
        """Register again and again, for ever; ``obey`` takes each command.

        ``find_master`` gives the leading master's host:port.
        """
        self._obey = obey
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
        reporter: gevent.Greenlet | None = None
        try:
            while head := answer.readline():
                command = json.loads(answer.read(int(head)))
                if command["type"] == "REGISTERED":
                    reporter = self._begin(connection, command)
                if command["type"] == "PING":
                    self.report({"type": "PONG"})
                else:
                    self._obey(command)
        finally:
            if reporter is not None:
                reporter.kill()

    def _begin(self, connection: http.client.HTTPConnection, registered: Json) -> gevent.Greenlet:
        """The master counts on this agent now: reports go there."""
        self._agent_id = registered["agent_id"]["value"]
        silence = registered.get("ping_timeout_seconds") or DEFAULT_SILENCE_SECONDS
        if connection.sock is not None:
            connection.sock.settimeout(silence)
        self._reports = JoinableQueue()
        path = f"/internal/agents/{self._agent_id}"
        return gevent.spawn(self._send_reports, connection.host, connection.port, path, self._reports)

    def _send_reports(self, host: str, port: int, path: str, reports: JoinableQueue[Json]) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=CALL_SECONDS)
        headers = {"Content-Type": "application/json"}
        while True:
            body = reports.get()
            try:
                connection.request("POST", path, json.dumps(body), headers)
                connection.getresponse().read()
            except (OSError, http.client.HTTPException) as error:
                log.info("%s was not told to the master: %s", body["type"], error)
                connection.close()
            finally:
                reports.task_done()

    def report(self, body: Json) -> None:
        """Tell the master something after all that was said before. What matters is repeated: without a
        line to the master it is dropped."""
        if self.registered:
            self._reports.put(body)

    def stop(self) -> None:
        """Say what was to be said, let the line go and register no more."""
        self._stopped = True
        self._reports.join(CALL_SECONDS)
        sock = self._connection.sock if self._connection else None
        if sock is not None:
            # Not closed: another greenlet reads from it, and closes it at the end of the stream.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
