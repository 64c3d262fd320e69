"""What a store's answers come to, each in one sentence."""

from __future__ import annotations

import pytest

from backup.location import parse
from backup.s3.answer import Answer, failure, page, refused_keys
from backup.s3.failure import (
    Denied,
    Exists,
    NotOffered,
    NotThere,
    Passing,
    S3Failed,
    TooShort,
    WrongBucket,
    WrongKey,
    WrongRegion,
)

LOCATION = parse("http://127.0.0.1:9000/backups")


def an_error(code: str, extra: str = "") -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message>{extra}</Error>".encode()


@pytest.mark.parametrize(
    ("status", "data", "kind", "words"),
    [
        (403, an_error("InvalidAccessKeyId"), WrongKey, "does not know the access key"),
        (403, an_error("SignatureDoesNotMatch"), WrongKey, "secret key does not belong"),
        (400, an_error("ExpiredToken"), WrongKey, "session token has expired"),
        (404, an_error("NoSuchBucket"), WrongBucket, "there is no bucket backups"),
        (301, an_error("PermanentRedirect"), WrongRegion, "is elsewhere"),
        (
            400,
            an_error("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
            WrongRegion,
            "in the region eu-west-1, not us-east-1",
        ),
        (403, an_error("AccessDenied"), Denied, "denies it to these keys"),
        (403, an_error("RequestTimeTooSkewed"), S3Failed, "the clocks"),
        (404, an_error("NoSuchKey"), NotThere, "no such object"),
        (404, b"", NotThere, "no such object"),
        (416, an_error("InvalidRange"), TooShort, "shorter"),
        (412, an_error("PreconditionFailed"), Exists, "exists already"),
        (501, an_error("NotImplemented"), NotOffered, "does not offer"),
        (500, b"not xml", Passing, "HTTP 500"),
        (503, an_error("SlowDown"), Passing, "SlowDown"),
        (400, an_error("RequestTimeout"), Passing, "RequestTimeout"),
        (400, an_error("Else"), S3Failed, "HTTP 400 Else: m"),
        (302, b"", WrongRegion, "is elsewhere"),
    ],
)
def test_each_failure_is_told_apart(status: int, data: bytes, kind: type[Exception], words: str) -> None:
    found = failure(Answer(status, {}, data), LOCATION, "reading x")
    assert type(found) is kind
    assert words in str(found)
    assert "\n" not in str(found)


def test_a_region_may_stand_in_a_header() -> None:
    found = failure(Answer(301, {"x-amz-bucket-region": "eu-west-1"}), LOCATION, "listing")
    assert "in the region eu-west-1" in str(found)


def test_a_page_of_a_list_is_read() -> None:
    found = page(
        b"<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><IsTruncated>true</IsTruncated>"
        b"<NextContinuationToken>t</NextContinuationToken><Contents><Key>k</Key><Size>3</Size>"
        b"<LastModified>2026-01-02T03:04:05.67Z</LastModified></Contents></ListBucketResult>"
    )
    assert found.token == "t"
    assert [(entry.key, entry.size, entry.modified.isoformat()) for entry in found.objects] == [
        ("k", 3, "2026-01-02T03:04:05+00:00")
    ]


@pytest.mark.parametrize("data", [b"", b"<html/>", b"<ListBucketResult><Contents/></ListBucketResult>"])
def test_what_is_no_list_is_asked_for_again(data: bytes) -> None:
    with pytest.raises(Passing):
        page(data)


def test_keys_that_were_not_deleted_are_told() -> None:
    data = b"<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    assert refused_keys(data) == {"k": "AccessDenied"}
    with pytest.raises(Passing):
        refused_keys(b"<html/>")
