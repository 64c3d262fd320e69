"""Jolokia: an HTTP window on the JMX beans of Cassandra, a few milliseconds a question."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from executor.configure import Credentials
from executor.failure import NotAnswering

PATH = "/jolokia/"

Request = dict[str, Any]
Answer = dict[str, Any]


def read(bean: str, *attributes: str) -> Request:
    """Ask for attributes: the answer's ``value`` is a dictionary of them, or the value of a single one."""
    wanted = attributes[0] if len(attributes) == 1 else list(attributes)
    return {"type": "read", "mbean": bean, "attribute": wanted}


def execute(bean: str, operation: str, *arguments: Any) -> Request:
    """Call an operation; an overloaded one by its full signature."""
    return {"type": "exec", "mbean": bean, "operation": operation, "arguments": list(arguments)}


class Jolokia:
    """A kept connection to the agent at ``host``. Not for several threads."""

    def __init__(self, host: str, port: int, credentials: Credentials) -> None:
        self._where = (host, port)
        login = b64encode(f"{credentials.user}:{credentials.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, requests: Sequence[Request], timeout_seconds: float) -> list[Answer]:
        """Ask several things in one exchange; the answers in the same order. Raises NotAnswering."""
        try:
            return self._ask(requests, timeout_seconds)
        except TimeoutError:
            raise NotAnswering(f"Cassandra has not answered within {timeout_seconds:.1f} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotAnswering(f"Cassandra does not answer: {error or type(error).__name__}") from None

    def _ask(self, requests: Sequence[Request], timeout_seconds: float) -> list[Answer]:
        kept = self._connection is not None
        try:
            return self._exchange(requests, timeout_seconds)
        except ConnectionError:
            if not kept:
                raise
        # It may have been closed just for being idle; a new connection tells how things stand.
        return self._exchange(requests, timeout_seconds)

    def close(self) -> None:
        """Let the connection go; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, requests: Sequence[Request], timeout_seconds: float) -> list[Answer]:
        try:
            status, data = self._post(json.dumps(requests), timeout_seconds)
        except BaseException:
            # It cannot be told how far the exchange has come, so the connection is of no more use.
            self.close()
            raise
        if status != http.client.OK:
            raise ValueError(f"Jolokia answers HTTP {status}")
        found = json.loads(data)
        if not isinstance(found, list) or len(found) != len(requests):
            raise ValueError("Jolokia's answer is not a list of answers")
        return found

    def _post(self, body: str, timeout_seconds: float) -> tuple[int, bytes]:
        connection = self._connect(timeout_seconds)
        connection.request("POST", PATH, body, self._headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def _connect(self, timeout_seconds: float) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._where)
        connection = self._connection
        connection.timeout = timeout_seconds
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(timeout_seconds)
        return connection
