"""Which loopback addresses a cluster gets, with the operating system's answer made up."""

from __future__ import annotations

import pytest

from local import addresses
from local.addresses import AGENT_PORTS, Addresses, settle
from local.failure import Failure

BEFORE = Addresses("127.0.4", zookeeper_port=2190, master_port=5060, api_port=9010)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    monkeypatch.setattr(addresses, "free", lambda host, port: (host, port) not in found)
    return found


def test_the_first_cluster_gets_the_usual_addresses(taken: set[tuple[str, int]]) -> None:
    found = settle(3, None, None, None)
    assert found == Addresses("127.0.0", 2181, 5050, 9000)
    assert [found.agent(number) for number in (1, 2, 3)] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


@pytest.mark.parametrize("port", AGENT_PORTS)
def test_one_taken_port_moves_all_agents_to_the_next_subnet(taken: set[tuple[str, int]], port: int) -> None:
    taken.add(("127.0.0.3", port))
    assert settle(3, None, None, None).subnet == "127.0.1"


def test_addresses_beyond_the_agents_do_not_matter(taken: set[tuple[str, int]]) -> None:
    taken.add(("127.0.0.4", 9042))
    assert settle(3, None, None, None).subnet == "127.0.0"


def test_single_parts_take_the_next_free_port(taken: set[tuple[str, int]]) -> None:
    taken |= {("127.0.0.1", port) for port in (2181, 2182, 5050, 9000)}
    assert settle(3, None, None, None) == Addresses("127.0.0", 2183, 5052, 9001)


def test_a_part_keeps_off_the_ports_of_the_first_agent(taken: set[tuple[str, int]]) -> None:
    with pytest.raises(Failure, match=r"127\.0\.0\.1:9042 is in use"):
        settle(3, None, None, api_port=9042)


def test_two_parts_never_get_one_port(taken: set[tuple[str, int]]) -> None:
    with pytest.raises(Failure, match=r"127\.0\.0\.1:6000 is in use"):
        settle(3, None, master_port=6000, api_port=6000)


def test_agents_keep_their_addresses_though_others_are_free(taken: set[tuple[str, int]]) -> None:
    assert settle(3, BEFORE, None, None) == BEFORE


def test_agents_whose_addresses_are_taken_do_not_move(taken: set[tuple[str, int]]) -> None:
    taken.add(("127.0.4.2", 7000))
    with pytest.raises(Failure, match=r"127\.0\.4\.2:7000"):
        settle(3, BEFORE, None, None)


def test_a_single_part_moves_where_its_port_is_taken(taken: set[tuple[str, int]]) -> None:
    taken.add(("127.0.0.1", 9010))
    assert settle(3, BEFORE, None, None).api_port == 9011


def test_a_wanted_port_wins_over_the_one_before(taken: set[tuple[str, int]]) -> None:
    found = settle(3, BEFORE, 6000, 6001)
    assert (found.master_port, found.api_port) == (6000, 6001)


def test_a_wanted_port_that_is_taken_is_refused(taken: set[tuple[str, int]]) -> None:
    taken.add(("127.0.0.1", 6000))
    with pytest.raises(Failure, match=r"127\.0\.0\.1:6000 is in use: choose another port"):
        settle(3, None, 6000, None)
