"""One GET at a time, of the parts' JSON."""

from __future__ import annotations

import http.client
import json
from typing import Any

TIMEOUT_SECONDS = 5.0


def get(host: str, port: int, path: str) -> tuple[int, Any]:
    """Status and JSON body (None where it is none); status 0 where nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, _json(answer.read())
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
