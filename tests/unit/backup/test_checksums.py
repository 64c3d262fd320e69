"""What is written is checked by the store: by its checksum where it knows that, or else by the signature."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from backup.location import Location, parse
from backup.s3.answer import Answer, failure
from backup.s3.body import Bytes
from backup.s3.client import CHECKSUM, Client
from backup.s3.credentials import Given, Keys
from backup.s3.failure import Denied, Exists
from backup.s3.signing import UNSIGNED

LOCATION: Location = parse("http://127.0.0.1:9/bucket")
BODY = Bytes(b"content", hashlib.sha256(b"content").hexdigest())
IN_BASE64 = "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M="
ANEW = "If-None-Match"


class Told(Client):
    """A client whose store is the test's; ``asked`` is of each request what was signed, and its headers."""

    def __init__(self, answer: Callable[[dict[str, str]], Answer]) -> None:
        super().__init__(LOCATION, Given(Keys("a", "s")))
        self.asked: list[tuple[str, list[str]]] = []
        self._answer = answer

    def _exchange(self, request: Any) -> Answer:
        self.asked.append((request.digest, sorted(request.headers)))
        found = self._answer(request.headers)
        if found.status != 200:
            raise failure(found, LOCATION, request.what)
        return found


def refusing(status: int, when: Callable[[dict[str, str]], bool]) -> Callable[[dict[str, str]], Answer]:
    return lambda headers: Answer(status if when(headers) else 200, {})


def test_a_store_that_knows_checksums_hashes_with_the_one_given() -> None:
    client = Told(lambda headers: Answer(200, {CHECKSUM: headers[CHECKSUM]}))
    client.put("a", BODY)
    client.put("b", BODY, only_new=False)
    assert client.asked == [(UNSIGNED, [ANEW, CHECKSUM]), (UNSIGNED, [CHECKSUM])]
    sent = Told(lambda headers: Answer(200, {CHECKSUM: IN_BASE64 if headers[CHECKSUM] == IN_BASE64 else ""}))
    sent.put("a", BODY)
    assert len(sent.asked) == 1


@pytest.mark.parametrize("told", [{}, {CHECKSUM: "another"}])
def test_what_a_store_has_taken_without_a_check_is_written_again_with_one(told: dict[str, str]) -> None:
    client = Told(lambda headers: Answer(200, told))
    client.put("a", BODY)
    assert client.asked == [(UNSIGNED, [ANEW, CHECKSUM]), (BODY.digest, [])]
    client.put("b", BODY)
    assert client.asked[2:] == [(BODY.digest, [ANEW])]


@pytest.mark.parametrize("status", [400, 403, 501])
def test_a_store_that_refuses_the_checksum_gets_the_signature(status: int) -> None:
    client = Told(refusing(status, lambda headers: CHECKSUM in headers))
    client.put("a", BODY)
    client.put("b", BODY)
    assert client.asked == [(UNSIGNED, [ANEW, CHECKSUM]), (BODY.digest, [ANEW]), (BODY.digest, [ANEW])]


def test_what_is_refused_either_way_says_nothing_of_checksums() -> None:
    client = Told(refusing(403, lambda headers: True))
    for _ in range(2):
        with pytest.raises(Denied):
            client.put("a", BODY)
    assert [signed for signed, _ in client.asked] == [UNSIGNED, BODY.digest] * 2


def test_what_is_there_already_is_not_written_over() -> None:
    client = Told(refusing(412, lambda headers: ANEW in headers))
    with pytest.raises(Exists):
        client.put("a", BODY)
    assert len(client.asked) == 1
