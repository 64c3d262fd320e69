"""Calls of the REST API, whose errors become failures with the service's own sentence."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cli.address import Address
from cli.failure import FORBIDDEN, REFUSED, UNREACHED, WRONG, Failure

Json = Any

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""Longer than the service, or a proxy before it, waits for anything."""

PLAN_WITH_ERRORS = 417
"""A plan that has errors: an answer nevertheless."""

CODES = {401: FORBIDDEN, 403: FORBIDDEN, 502: UNREACHED, 503: UNREACHED, 504: UNREACHED}


class Service:
    """The service behind an address."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def get(self, path: str, **parameters: str) -> Json:
        """Read something. Raises Failure."""
        return self.call("GET", path, parameters)

    def put(self, path: str, body: Json = None, **parameters: str) -> Json:
        """Order something. Raises Failure."""
        return self.call("PUT", path, parameters, body)

    def delete(self, path: str) -> Json:
        """Have something deleted. Raises Failure."""
        return self.call("DELETE", path, {})

    def call(self, method: str, path: str, parameters: dict[str, str], body: Json = None) -> Json:
        """Call the API: ``path`` begins below the address, as ``v1/plan``. Raises Failure."""
        status, content = self._ask(method, _target(self.address.url, path, parameters), body)
        return self._judged(status, content)

    def _ask(self, method: str, target: str, body: Json) -> tuple[int, bytes]:
        headers = {"Accept": "application/json", "User-Agent": "dcos-cassandra"}
        if self.address.token:
            headers["Authorization"] = f"token={self.address.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.connect()
            connection.sock.settimeout(ANSWER_SECONDS)
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ssl.SSLCertVerificationError as error:
            text = f"{error.verify_message}; name the authority to trust with --ca-file"
            raise Failure(f"{self.address.url} cannot be trusted: {text}", WRONG) from None
        except (OSError, http.client.HTTPException) as error:
            text = str(error) or type(error).__name__
            raise Failure(f"{self.address.url} cannot be reached: {text}", UNREACHED) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        where = urlsplit(self.address.url)
        host = where.hostname or ""
        if where.scheme == "http":
            return http.client.HTTPConnection(host, where.port, timeout=CONNECT_SECONDS)
        context = _context(self.address.verify)
        return http.client.HTTPSConnection(host, where.port, timeout=CONNECT_SECONDS, context=context)

    def _judged(self, status: int, content: bytes) -> Json:
        answer = _json(content)
        if (200 <= status < 300 or status == PLAN_WITH_ERRORS) and answer is not None:
            return answer
        told = answer.get("message") if isinstance(answer, dict) else None
        raise Failure(told or self._strange(status), CODES.get(status, REFUSED))

    def _strange(self, status: int) -> str:
        """What to say of an answer that is not the service's own, but a proxy's or a stranger's."""
        if status == 401 or 300 <= status < 400:
            return f"{self.address.url} asks to log in: dcos auth login, or give a token with --token-file"
        if status == 404:
            return f"there is no such service at {self.address.url}: is its name right (--name)?"
        return f"{self.address.url} answered {status}, and not as this service does"


def _target(base: str, path: str, parameters: dict[str, str]) -> str:
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"{urlsplit(base).path}/{quote(path)}{query}"


def _json(content: bytes) -> Json:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _context(verify: bool | Path) -> ssl.SSLContext:
    if isinstance(verify, Path):
        try:
            return ssl.create_default_context(cafile=verify)
        except (OSError, ssl.SSLError) as error:
            raise Failure(f"{verify} is no file of certificates: {error}", WRONG) from None
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
