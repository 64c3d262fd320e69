"""Failures as sentences, each with the exit code that scripts may tell it by."""

from __future__ import annotations

REFUSED = 1
"""The service refused, or what it was to do has failed or was stopped."""

WRONG = 2
"""The arguments or the configuration are not valid; nothing was asked of the service."""

UNREACHED = 3
"""Nobody answers, or not yet (502, 503, 504): it may be tried again."""

FORBIDDEN = 4
"""The token is missing, not valid, or not allowed to do this (401, 403)."""

INTERRUPTED = 130


class Failure(Exception):
    """Ends the program with one sentence and an exit code."""

    def __init__(self, message: str, code: int = REFUSED) -> None:
        super().__init__(message)
        self.code = code
