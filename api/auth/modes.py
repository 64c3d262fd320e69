"""The way to tell callers that the configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from api.auth.callers import Identify
from api.auth.jwt import SignedTokens
from api.auth.keys import keys_at
from api.auth.tokens import read_tokens
from scheduler.model.settings import ApiSettings


class AuthError(Exception):
    """Tokens or keys that cannot be used; the message names the variable and says why."""


def identify_for(settings: ApiSettings) -> Identify | None:
    """How to tell callers; None where anybody may call. Raises AuthError."""
    match settings.auth:
        case "token":
            return _read("API_TOKENS_FILE", settings.tokens_file, _tokens)
        case "jwt":
            return _read("API_JWKS", settings.jwks, lambda place: SignedTokens(keys_at(place)))
    return None


def _tokens(path: str) -> Identify:
    return read_tokens(Path(path).read_text())


def _read(variable: str, place: str, reader: Callable[[str], Identify]) -> Identify:
    try:
        return reader(place)
    except OSError as error:
        raise AuthError(f"{variable}={place} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise AuthError(f"{variable}={place} is not text") from None
    except ValueError as error:
        raise AuthError(f"{variable}={place}: {error}") from None
