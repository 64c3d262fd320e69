"""RecordIO, also through http.client's undoing of chunks."""

from __future__ import annotations

import io
from http.client import HTTPResponse, IncompleteRead

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.recordio import MAX_RECORD_BYTES, RecordError, records

RECORDS = st.lists(st.binary(max_size=60), max_size=5)


def encoded(*parts: bytes) -> bytes:
    return b"".join(b"%d\n%s" % (len(part), part) for part in parts)


class Trickle(io.RawIOBase):
    """Gives its pieces one at a time, as a network may."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if not self._pieces:
            return 0
        piece = self._pieces.pop(0)
        taken, rest = piece[: len(buffer)], piece[len(buffer) :]
        if rest:
            self._pieces.insert(0, rest)
        buffer[: len(taken)] = taken
        return len(taken)


class Socket:
    """As much of a socket as HTTPResponse wants."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(Trickle(self._pieces))


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def response(chunks: list[bytes], cuts: list[int], end: bytes = b"0\r\n\r\n") -> HTTPResponse:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in chunks if part)
    answer = HTTPResponse(Socket(split(head + body + end, cuts)))  # type: ignore[arg-type]
    answer.begin()
    return answer


CUTS = st.lists(st.integers(min_value=0, max_value=2000), max_size=12)


@given(RECORDS, CUTS, CUTS)
def test_a_record_cut_anywhere_is_read_whole(
    parts: list[bytes], chunk_cuts: list[int], network_cuts: list[int]
) -> None:
    chunks = split(encoded(*parts), chunk_cuts)
    with response(chunks, network_cuts) as answer:
        assert list(records(answer)) == parts


@given(RECORDS, st.integers(min_value=0, max_value=400))
def test_a_stream_that_ends_within_a_record_is_told_from_one_that_ends(parts: list[bytes], cut: int) -> None:
    data = encoded(*parts)
    cut %= len(data) + 1
    whole = [n for n in range(len(parts) + 1) if len(encoded(*parts[:n])) == cut]
    stream = io.BytesIO(data[:cut])
    if whole:
        assert list(records(stream)) == parts[: whole[0]]
    else:
        with pytest.raises(RecordError, match="ended"):
            list(records(stream))


def test_a_connection_cut_within_a_chunk_is_an_error() -> None:
    with response([encoded(b"whole"), encoded(b"half")[:3]], [], end=b"5\r\nab") as answer:
        found = records(answer)
        assert next(found) == b"whole"
        with pytest.raises((RecordError, IncompleteRead)):
            next(found)


@pytest.mark.parametrize(
    "garbage", [b"x\n", b"-1\n", b"\n", b"<html>\n", b" 5\nhello", b"9" * 40, "²\n".encode()]
)
def test_what_is_not_recordio_is_refused(garbage: bytes) -> None:
    with pytest.raises(RecordError, match="length was expected"):
        list(records(io.BytesIO(garbage)))


def test_a_length_beyond_any_event_is_refused_before_it_is_read() -> None:
    with pytest.raises(RecordError, match="longer than any event"):
        list(records(io.BytesIO(b"%d\n" % (MAX_RECORD_BYTES + 1))))


def test_an_empty_record_is_a_record() -> None:
    assert list(records(io.BytesIO(b"0\n5\nhello"))) == [b"", b"hello"]
