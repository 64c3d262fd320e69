"""Names become object keys and file paths: nothing but what the allow-list says gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.names import BadName, check_backup_name, is_component, is_table_folder


@pytest.mark.parametrize("name", ["nightly-1", "2026.01.02_full", "a", "A" * 128])
def test_good_names_are_taken(name: str) -> None:
    assert check_backup_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "a\n", "a\0", "ä", "A" * 129, "-x", "a%2fb"]
)
def test_others_are_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(BadName, match="backup_name must be"):
        check_backup_name(name)


@given(st.text())
def test_whatever_is_taken_stays_below_its_folder(name: str) -> None:
    if is_component(name):
        assert not name.startswith("/")
        assert ".." not in name.split("/")
        assert name.isprintable()
        assert name.count("/") <= 1
        assert "\t" not in name


@pytest.mark.parametrize(
    "name",
    [
        "nb-1-big-Data.db",
        ".by_city_idx/nb-1-big-Data.db",
        "manifest.json",
        "nb-3gcj_0hpe_0w4ow2e6a0v7x6l5tj-big-TOC.txt",
        "nb-2-big-SAI+aa+by_name+TermsData.db",
    ],
)
def test_files_that_cassandra_writes_are_components(name: str) -> None:
    assert is_component(name)


@pytest.mark.parametrize("name", ["..", "../x", ".idx/../x", "a/b", ".idx/a/b", "/x", ".idx/", "", "a\tb"])
def test_ways_out_of_the_folder_are_no_components(name: str) -> None:
    assert not is_component(name)


def test_a_table_folder_has_an_id() -> None:
    assert is_table_folder("shop", "orders", "0" * 32)
    assert not is_table_folder("shop", "orders", "0" * 31)
    assert not is_table_folder("..", "orders", "0" * 32)
    assert not is_table_folder("shop", "a/b", "0" * 32)
