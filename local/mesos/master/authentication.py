"""Logins by HTTP Basic authentication against the file of the flag ``credentials``."""

from __future__ import annotations

import hmac
import json
from pathlib import Path

from local.mesos import http
from local.mesos.flags import FlagError, Flags
from local.mesos.http import Handler, Refusal, Request, Response, Stream

SCHEDULER = "mesos-master-scheduler"
READ_ONLY = "mesos-master-readonly"
READ_WRITE = "mesos-master-readwrite"

_FLAGS = {
    SCHEDULER: "authenticate_http_frameworks",
    READ_ONLY: "authenticate_http_readonly",
    READ_WRITE: "authenticate_http_readwrite",
}


class Authentication:
    """Lets requests of a realm through only with a login, where the flag of the realm says so."""

    def __init__(self, flags: Flags) -> None:
        self._realms = {realm for realm, flag in _FLAGS.items() if flags.is_on(flag)}
        path = flags.text("credentials")
        self._secrets = _read(Path(path.removeprefix("file://"))) if path else {}
        if self._realms and not self._secrets:
            raise FlagError("HTTP authentication is on, but --credentials names no principal")

    def required(self, realm: str, handler: Handler) -> Handler:
        """The handler behind the login of a realm; before all other checks."""
        if realm not in self._realms:
            return handler

        def handle(request: Request) -> Response | Stream:
            return handler(http.logged_in(request, self._principal(request, realm)))

        return handle

    def _principal(self, request: Request, realm: str) -> str:
        given = http.basic_credentials(request)
        if given is not None:
            principal, secret = given
            known = self._secrets.get(principal)
            if known is not None and hmac.compare_digest(known.encode(), secret.encode()):
                return principal
        raise Refusal(401, "401 Unauthorized.", {"WWW-Authenticate": f'Basic realm="{realm}"'})


def _read(path: Path) -> dict[str, str]:
    """Secrets by principal, from JSON or from lines of ``principal secret``. Raises FlagError."""
    try:
        text = path.read_text()
    except OSError as error:
        raise FlagError(f"--credentials: {error}") from error
    if not text.lstrip().startswith("{"):
        return {parts[0]: parts[1] for parts in map(str.split, text.splitlines()) if len(parts) == 2}
    try:
        return {item["principal"]: item["secret"] for item in json.loads(text)["credentials"]}
    except (ValueError, LookupError, TypeError) as error:
        raise FlagError(f"--credentials: {path} has no list of principals and secrets") from error
