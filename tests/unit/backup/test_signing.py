"""Signatures, by the examples of the S3 documentation."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from backup.s3.credentials import Keys
from backup.s3.signing import EMPTY, signed

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=timezone.utc)
HOST = {"Host": "examplebucket.s3.amazonaws.com"}


@pytest.mark.parametrize(
    ("path", "query", "headers", "signature"),
    [
        (
            "/test.txt",
            {},
            {"Range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        ("/", {"lifecycle": ""}, {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "/",
            {"max-keys": "2", "prefix": "J"},
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_requests_are_signed_as_documented(
    path: str, query: dict[str, str], headers: dict[str, str], signature: str
) -> None:
    found = signed("GET", path, query, {**HOST, **headers}, EMPTY, KEYS, "us-east-1", NOW)
    assert found["Authorization"].endswith(f"Signature={signature}")


def test_a_session_token_is_signed_too() -> None:
    keys = Keys(KEYS.access, KEYS.secret, "token")
    found = signed("GET", "/", {}, HOST, EMPTY, keys, "us-east-1", NOW)
    assert found["x-amz-security-token"] == "token"
    assert "x-amz-security-token" in found["Authorization"]


def test_keys_do_not_show_in_texts() -> None:
    assert KEYS.access not in repr(KEYS) and KEYS.secret not in repr(KEYS)
    assert KEYS.secret not in str(signed("GET", "/", {}, HOST, EMPTY, KEYS, "us-east-1", NOW))
