"""Who may call: tokens of both header forms, in each mode, and what browsers send for other sites."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.utils import base64url_encode

from api.auth.callers import Caller, Identify, Unauthorized
from api.auth.jwt import SignedTokens
from api.auth.keys import PAUSE_SECONDS, FetchedKeys, FixedKeys, read_keys
from api.auth.modes import AuthError, identify_for
from api.auth.tokens import read_tokens
from scheduler.daemon.service import Unavailable
from scheduler.model.settings import ApiSettings
from tests.unit.api.service import client, deployed

WRITER, READER = "0123456789abcdef-writer", "0123456789abcdef-reader"
FILE = f"# who may call\n\nalice read-write {WRITER}\nbob   read-only  {READER}\n"
SECRET = "a secret of more than thirty-two bytes"
NEVER = 10**12

KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("k1", "k2")}


def jwks(*names: str) -> str:
    algorithm = jwt.algorithms.RSAAlgorithm
    return json.dumps(
        {"keys": [{**algorithm.to_jwk(KEYS[n].public_key(), as_dict=True), "kid": n} for n in names]}
    )


def signed(key: str = "k1", algorithm: str = "RS256", **claims: Any) -> str:
    value = KEYS[key] if algorithm == "RS256" else SECRET
    headers = {"kid": key} if algorithm == "RS256" else None
    return jwt.encode({"uid": "carol", "exp": NEVER, **claims}, value, algorithm, headers)


def status(header: str | None, path: str = "/v1/plan", method: str = "GET", **more: Any) -> tuple[int, str]:
    headers = {} if header is None else {"Authorization": header}
    answer = client(deployed(), read_tokens(FILE)).open(path, method=method, headers=headers, **more)
    return answer.status_code, (answer.json or {}).get("message", "")


@pytest.mark.parametrize("form", ["token={}", "Bearer {}", "bearer {}", 'token="{}"'])
def test_a_known_token_is_taken_in_every_form(form: str) -> None:
    assert status(form.format(READER))[0] == 200
    assert status(form.format(WRITER), "/v1/plan?cmd=interrupt", "POST")[0] == 200


@pytest.mark.parametrize("header", [None, "", READER, f"Basic {READER}", "token=", "token=other", "Bearer x"])
def test_without_a_known_token_nothing_is_told_or_done(header: str | None) -> None:
    for path, method in (("/v1/plan", "GET"), ("/v1/plan?cmd=interrupt", "POST"), ("/v1/nothing", "GET")):
        code, message = status(header, path, method)
        assert code == 401
        assert "token" in message


def test_401_says_which_scheme_to_use() -> None:
    answer = client(deployed(), read_tokens(FILE)).get("/v1/plan")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_read_only_token_reads_and_changes_nothing() -> None:
    service = deployed()
    calls = client(service, read_tokens(FILE))
    headers = {"Authorization": f"token={READER}"}
    assert calls.get("/v1/nodes/0/info", headers=headers).status_code == 200
    for method, path in (("POST", "/v1/plan?cmd=interrupt"), ("PUT", "/v1/nodes/restart?node=0")):
        answer = calls.open(path, method=method, headers=headers)
        assert answer.status_code == 403
        assert answer.json is not None
        assert answer.json["message"] == "the token of bob is read-only; changes need a read-write one"
    assert service.orders == []


@pytest.mark.parametrize(
    "path", ["/v1/health", "/v1/ready", "/v1/seeds", "/admin/healthcheck", "/admin/ping", "/v1/artifacts/0/x"]
)
def test_what_machines_ask_needs_no_token(path: str) -> None:
    assert client(deployed(), read_tokens(FILE)).get(path).status_code in (200, 404)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no token"),
        ("alice read-write", "line 1 is not <name>"),
        ("# x\nalice admin 0123456789abcdef", "line 2 is not <name>"),
        ("alice read-only short", "the token in line 1 is shorter"),
        (f"a read-only {READER}\nb read-write {READER}", "the same token twice"),
    ],
)
def test_a_file_of_tokens_that_cannot_be_used_is_refused_without_telling_a_token(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read_tokens(text)
    assert READER not in str(caught.value)


@given(st.text(min_size=1, max_size=60))
def test_no_other_token_is_ever_taken(token: str) -> None:
    with pytest.raises(Unauthorized):
        read_tokens(FILE)(token)


def refused(identify: Identify, token: str) -> str:
    with pytest.raises(Unauthorized) as caught:
        identify(token)
    return str(caught.value)


def test_a_token_signed_with_a_known_key_names_its_user() -> None:
    identify = SignedTokens(FixedKeys(read_keys(jwks("k1", "k2"))))
    assert identify(signed("k2")) == Caller("carol")
    assert identify(jwt.encode({"sub": "dan", "exp": NEVER}, KEYS["k2"], "RS256")) == Caller("dan")


def test_a_token_signed_with_the_shared_secret_does_too() -> None:
    identify = SignedTokens(FixedKeys(read_keys(SECRET + "\n")))
    assert identify(signed(algorithm="HS256")) == Caller("carol")


def test_a_token_that_is_not_valid_is_refused_with_the_reason() -> None:
    identify = SignedTokens(FixedKeys(read_keys(jwks("k1"))))
    assert "expired" in refused(identify, signed(exp=1000))
    assert "uid" in refused(identify, signed(uid=None))
    assert "exp" in refused(identify, jwt.encode({"uid": "carol"}, KEYS["k1"], "RS256"))
    assert "no JSON Web Token" in refused(identify, WRITER)
    assert "not signed with a key" in refused(identify, signed("k2"))


def test_a_token_does_not_choose_how_it_is_checked() -> None:
    """The public key is no secret, so it must not pass for one; nor does no signature at all."""
    identify = SignedTokens(FixedKeys(read_keys(jwks("k1"))))
    public = KEYS["k1"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "kid": "k1"}
    text = b".".join(
        base64url_encode(json.dumps(part).encode()) for part in (head, {"uid": "e", "exp": NEVER})
    )
    forged = text + b"." + base64url_encode(hmac.digest(public, text, "sha256"))
    assert "not signed" in refused(identify, forged.decode())
    unsigned = jwt.encode({"uid": "eve", "exp": NEVER}, None, "none", {"kid": "k1"})
    assert "not signed" in refused(identify, unsigned)
    assert "not signed" in refused(identify, signed()[:-8] + "AAAAAAAA")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("short", "shorter than 32 bytes"),
        ("{}", "no list of keys"),
        ('{"keys": [{"kty": "oct", "k": "AAAA"}]}', "no RSA key"),
        ('{"keys": [{"kty": "RSA", "n": "!"}]}', "cannot be read"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_keys(text)


def test_new_keys_are_fetched_when_a_token_names_one_but_not_at_every_token(tmp_path: Path) -> None:
    now = [0.0]
    file = tmp_path / "jwks"
    keys = FetchedKeys(file.as_uri(), lambda: now[0])
    identify = SignedTokens(keys)
    with pytest.raises(Unavailable, match="cannot be had"):
        identify(signed("k1"))
    file.write_text(jwks("k1"))
    with pytest.raises(Unavailable):
        identify(signed("k1"))
    now[0] += PAUSE_SECONDS + 1
    assert identify(signed("k1")).name == "carol"
    file.write_text(jwks("k1", "k2"))
    assert "not signed" in refused(identify, signed("k2"))
    now[0] += PAUSE_SECONDS + 1
    assert identify(signed("k2")).name == "carol"
    file.unlink()
    now[0] += 10_000.0
    assert identify(signed("k2")).name == "carol"


def test_the_configuration_says_which_mode_there_is(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(FILE)
    (tmp_path / "keys").write_text(jwks("k1"))
    assert identify_for(ApiSettings(auth="none")) is None
    tokens = identify_for(ApiSettings(auth="token", tokens_file=str(tmp_path / "tokens")))
    keys = identify_for(ApiSettings(auth="jwt", jwks=str(tmp_path / "keys")))
    assert tokens is not None
    assert keys is not None
    assert (tokens(WRITER).name, keys(signed()).name) == ("alice", "carol")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "API_TOKENS_FILE=.* cannot be read"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "is not text"),
        (lambda path: path.write_text(""), "API_TOKENS_FILE=.*: it has no token"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_variable(
    make: Callable[[Path], object], why: str, tmp_path: Path
) -> None:
    make(tmp_path / "tokens")
    with pytest.raises(AuthError, match=why):
        identify_for(ApiSettings(auth="token", tokens_file=str(tmp_path / "tokens")))


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Origin": "http://elsewhere"},
        {"Origin": "null"},
    ],
)
def test_a_page_of_another_site_changes_nothing(headers: dict[str, str]) -> None:
    service = deployed()
    answer = client(service).post("/v1/plan?cmd=interrupt", headers=headers)
    assert answer.status_code == 403
    assert service.orders == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://proxy"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "https://proxy", "X-Forwarded-Host": "proxy"},
        {},
    ],
)
def test_the_services_own_page_and_other_clients_do(headers: dict[str, str]) -> None:
    assert client(deployed()).post("/v1/plan?cmd=interrupt", headers=headers).status_code == 200
