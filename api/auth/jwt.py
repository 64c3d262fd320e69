"""JSON Web Tokens, as DC/OS gives them out: ``API_AUTH=jwt``."""

from __future__ import annotations

from typing import Any

import jwt

from api.auth.callers import Caller, Unauthorized
from api.auth.keys import Keys

LEEWAY_SECONDS = 10.0
"""Clocks of machines differ by so much."""

LONGEST_NAME = 100


class SignedTokens:
    """Tells callers by the user that a signed token names. Whoever has a valid one may change things."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __call__(self, token: str) -> Caller:
        """See ``Identify``."""
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError:
            raise Unauthorized("this token is no JSON Web Token") from None
        for key in self._keys.matching(key_id):
            claims = _claims(token, key.value, key.algorithm)
            if claims is not None:
                return Caller(_name(claims))
        raise Unauthorized("this token is not signed with a key that is known here")


def _claims(token: str, key: Any, algorithm: str) -> dict[str, Any] | None:
    """What a token says; None where it is not signed with this key. Raises Unauthorized."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp"], "verify_aud": False},
        )
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        return None
    except jwt.ExpiredSignatureError:
        raise Unauthorized("this token has expired; get a new one") from None
    except jwt.PyJWTError as error:
        raise Unauthorized(f"this token is not valid: {error}") from None
    return claims


def _name(claims: dict[str, Any]) -> str:
    """The user: DC/OS says ``uid``, others ``sub``. Raises Unauthorized."""
    name = claims.get("uid", claims.get("sub"))
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise Unauthorized("this token names no user, neither as uid nor as sub")
    return name
