"""A cluster that is down finds its addresses free again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from local import kept
from local.layout import FILE


def cluster(data: Path) -> Path:
    data.mkdir()
    (data / FILE).touch()
    return data


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_a_subnet_is_kept_from_all_but_its_cluster(tmp_path: Path) -> None:
    mine, yours = cluster(tmp_path / "mine"), tmp_path / "yours"
    with kept.choosing(time.sleep) as subnets:
        assert subnets.by_others(mine) == frozenset()
        subnets.add("127.0.3", mine)
    with kept.choosing(time.sleep) as subnets:
        assert (subnets.by_others(mine), subnets.by_others(yours)) == (frozenset(), {"127.0.3"})


def test_a_subnet_is_free_once_its_clusters_data_are_gone(tmp_path: Path) -> None:
    mine, yours = cluster(tmp_path / "mine"), cluster(tmp_path / "yours")
    with kept.choosing(time.sleep) as subnets:
        subnets.add("127.0.3", mine)
        (mine / FILE).unlink()
        assert subnets.by_others(yours) == frozenset()
        subnets.add("127.0.3", yours)
        assert subnets.by_others(mine) == {"127.0.3"}
