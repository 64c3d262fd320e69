"""``external_location`` taken apart, and what is refused of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.location import BadLocation, Location, parse, refused


def test_a_bucket_of_aws_is_reached_at_its_own_host_in_its_region() -> None:
    location = parse("s3://backups/prod/eu", region="eu-central-1")
    assert location == Location(
        True, "s3.eu-central-1.amazonaws.com", 443, "backups", "prod/eu/", "eu-central-1", False
    )
    assert location.authority == "backups.s3.eu-central-1.amazonaws.com"
    assert location.root == ""


def test_a_bucket_with_dots_stands_in_the_path_because_of_the_certificate() -> None:
    assert parse("s3://my.backups").root == "/my.backups"
    assert parse("s3://backups", path_style=True).root == "/backups"


def test_another_store_has_the_bucket_in_the_path() -> None:
    location = parse("http://10.0.0.7:9000/backups/prod/")
    assert location == Location(False, "10.0.0.7", 9000, "backups", "prod/")
    assert location.authority == "10.0.0.7:9000"
    assert location.shown == "http://10.0.0.7:9000/backups/prod"


def test_an_endpoint_goes_with_an_s3_location() -> None:
    location = parse("s3://backups", endpoint="https://store.example.com", region="r1")
    assert location == Location(True, "store.example.com", 443, "backups", "", "r1", True)
    assert location.authority == "store.example.com"


def test_an_address_of_version_six_stands_in_brackets() -> None:
    location = parse("http://[::1]:9000/backups")
    assert (location.host, location.authority) == ("::1", "[::1]:9000")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be of the form"),
        ("backups", "must be of the form"),
        ("ftp://host/bucket", "must be of the form"),
        ("http://host", "the bucket"),
        ("http:///bucket", "must be of the form"),
        ("s3://b", "the bucket"),
        ("s3://back..ups", "the bucket"),
        ("s3://backups/../other", "the prefix"),
        ("s3://backups/a//b", "the prefix"),
        ("s3://backups/.hidden", "the prefix"),
        ("s3://backups/a b", "the prefix"),
        ("s3://backups/a%2f..", "the prefix"),
        ("s3://backups/" + "a" * 300, "the prefix"),
        ("s3://key:secret@backups", "must hold no login"),
        ("http://user@host/bucket", "must hold no login"),
        ("http://host/bucket?x=1", "no query"),
        ("http://host/bucket#x", "no query"),
        ("http://host:99999/bucket", "a port"),
        ("http://host:x/bucket", "a port"),
        ("http://ho st/bucket", "a host's name"),
        ("http://[::1/bucket", "must be of the form"),
        ("http://169.254.169.254/bucket", "link-local"),
        ("http://[fe80::1]/bucket", "link-local"),
        ("http://[::ffff:169.254.169.254]/bucket", "link-local"),
        ("http://[fd00:ec2::254]/bucket", "instance metadata"),
        ("http://100.100.100.200/bucket", "instance metadata"),
        ("http://0.0.0.0/bucket", "not the address of a host"),
        ("http://224.0.0.1/bucket", "not the address of a host"),
        ("s3://backups\n", "must be of the form"),
    ],
)
def test_a_bad_location_is_refused_with_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(BadLocation, match=reason):
        parse(text)


@pytest.mark.parametrize(
    ("endpoint", "region"), [("http://169.254.169.254", None), ("http://h/path", None), (None, "eu west")]
)
def test_a_bad_endpoint_or_region_is_refused(endpoint: str | None, region: str | None) -> None:
    with pytest.raises(BadLocation):
        parse("s3://backups", endpoint=endpoint, region=region)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "52.95.110.1"])
def test_a_host_may_be_connected_to(address: str) -> None:
    assert refused(address) is None


def test_a_zone_does_not_hide_a_link_local_address() -> None:
    assert refused("fe80::1%eth0")


@given(st.text())
def test_any_text_is_a_location_or_refused(text: str) -> None:
    for location in (text, "s3://" + text, "http://host/" + text):
        try:
            found = parse(location)
        except BadLocation:
            continue
        assert ".." not in found.prefix.split("/")
        assert found.prefix == "" or found.prefix.endswith("/")
