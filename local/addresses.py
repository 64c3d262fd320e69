"""Addresses of loopback: each agent, and so each node, has its own, and two clusters share none."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from local.failure import Failure
from local.locks import locked

HOST = "127.0.0.1"
"""Where the parts are that a cluster has one of."""

AGENT_PORT = 5051
STORAGE_PORT, SSL_STORAGE_PORT, JMX_PORT, JOLOKIA_PORT, NATIVE_PORT = 7000, 7001, 7199, 8778, 9042
AGENT_PORTS = (AGENT_PORT, STORAGE_PORT, SSL_STORAGE_PORT, JMX_PORT, JOLOKIA_PORT, NATIVE_PORT)
"""What listens on an agent's address: the agent, and a node."""

ZOOKEEPER_PORT, MASTER_PORT, API_PORT, S3_PORT = 2181, 5050, 9000, 9100
"""Where the single parts listen unless somebody else does."""

SUBNETS = tuple(f"127.0.{third}" for third in range(256))


@dataclass(frozen=True)
class Addresses:
    """``subnet`` holds the agents, as in 127.0.0; the ports are those of the parts on ``HOST``."""

    subnet: str
    zookeeper_port: int
    master_port: int
    api_port: int
    s3_port: int = S3_PORT

    def agent(self, number: int) -> str:
        """The address of an agent, counted from 1."""
        return f"{self.subnet}.{number}"


def free_subnet(hosts: Collection[int], ports: Collection[int], subnets: Iterable[str]) -> str:
    """The first subnet in which these last numbers are free, on all these ports. Raises Failure."""
    for subnet in subnets:
        if not any(_taken(subnet, hosts, ports)):
            return subnet
    raise Failure(f"nowhere on loopback are {len(hosts)} addresses free: stop clusters that are not needed")


def settle(agents: int, before: Addresses | None, master_port: int | None, api_port: int | None) -> Addresses:
    """Addresses on which nobody listens, as before as far as can be. Raises Failure.

    Agents keep theirs at any price: nodes know each other by them.
    """
    if before is None:
        before = Addresses(
            free_subnet(range(1, agents + 1), AGENT_PORTS, SUBNETS), ZOOKEEPER_PORT, MASTER_PORT, API_PORT
        )
    else:
        _require_free(before.subnet, agents)
    others = set(AGENT_PORTS)
    zookeeper = _port(before.zookeeper_port, None, others)
    others.add(zookeeper)
    master = _port(before.master_port, master_port, others)
    others.add(master)
    api = _port(before.api_port, api_port, others)
    others.add(api)
    return Addresses(before.subnet, zookeeper, master, api, _port(before.s3_port, None, others))


def choosing(pause: Callable[[float], None]) -> AbstractContextManager[None]:
    """Keeps this user's other clusters from choosing until what was chosen is listened on."""
    return locked(Path(tempfile.gettempdir()) / f"cassandra-mesos-{os.getuid()}.lock", pause)


def _require_free(subnet: str, agents: int) -> None:
    taken = next(_taken(subnet, range(1, agents + 1), AGENT_PORTS), None)
    if taken is not None:
        raise Failure(
            f"{taken}, an address of this cluster's, is in use: stop the program that listens there"
        )


def _taken(subnet: str, hosts: Collection[int], ports: Collection[int]) -> Iterator[str]:
    addresses = (f"{subnet}.{number}" for number in hosts)
    return (f"{host}:{port}" for host in addresses for port in ports if not free(host, port))


def _port(preferred: int, wanted: int | None, others: Collection[int]) -> int:
    """The wanted port, which must be free, or else the first free one from the preferred one on."""
    if wanted is not None:
        if wanted in others or not free(HOST, wanted):
            raise Failure(f"{HOST}:{wanted} is in use: choose another port")
        return wanted
    return next(port for port in range(preferred, 65536) if port not in others and free(HOST, port))


def free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        # As servers do: connections that linger after a server's end are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
