"""The index pages of the one-machine Mesos: what they say, and that all they lead to is there."""

from __future__ import annotations

import html
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.local.test_ctl import Control


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    control = Control(Path(tmp_path_factory.mktemp("pages") / "data"))
    control("fresh", "--master-flag", f"log_dir={tmp_path_factory.mktemp('log')}")
    yield control.info
    control("down")


def read(address: str, path: str) -> str:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as answer:
        assert answer.status == 200
        text: str = answer.read().decode()
    return text


def address(place: dict[str, Any]) -> str:
    return f"{place['ip']}:{place['port']}"


def own_links(page: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'href="(/[^"]*)"', page)]


@pytest.mark.parametrize("who", ["master", "agent"])
def test_a_page_says_what_it_is_not_and_its_links_lead_somewhere(info: Any, who: str) -> None:
    where = address(info["master"] if who == "master" else info["agents"][0])
    page = read(where, "/")
    assert "This is not Apache Mesos" in page
    links = own_links(page)
    assert len(links) > 5
    for path in links:
        read(where, path)


def test_the_pages_of_master_and_agent_lead_to_each_other(info: Any) -> None:
    master, agent = address(info["master"]), address(info["agents"][0])
    assert f'href="http://{agent}/"' in read(master, "/")
    assert f'href="http://{master}/"' in read(agent, "/")
    assert "registered with" in read(agent, "/")
