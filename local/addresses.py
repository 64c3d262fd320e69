"""Addresses of loopback for a cluster: each node has its own, and two clusters share none."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from local.failure import Failure

AGENT_PORT = 5051
NODE_PORTS = (7000, 7001, 7199, 8778, 9042)
SUBNETS = 200


@dataclass(frozen=True)
class Addresses:
    """``subnet`` as in 127.0.0; ports of the parts that there is one of, all on its first address."""

    subnet: str
    zookeeper_port: int
    master_port: int
    api_port: int

    def host(self, number: int) -> str:
        """The address of agent ``number``, counted from 1."""
        return f"{self.subnet}.{number}"


def choose(nodes: int, master_port: int | None, api_port: int | None) -> Addresses:
    """Addresses on which nobody listens. Raises Failure."""
    for third in range(SUBNETS):
        subnet = f"127.0.{third}"
        hosts = [f"{subnet}.{number}" for number in range(1, nodes + 1)]
        if all(_free(host, port) for host in hosts for port in (AGENT_PORT, *NODE_PORTS)):
            first = hosts[0]
            return Addresses(
                subnet,
                _port(first, 2181, None),
                _port(first, 5050, master_port),
                _port(first, 9000, api_port),
            )
    raise Failure(f"no loopback addresses are free for {nodes} nodes on ports {_listed(NODE_PORTS)}")


def _port(host: str, preferred: int, wanted: int | None) -> int:
    if wanted is not None:
        if not _free(host, wanted):
            raise Failure(f"port {wanted} on {host} is in use: choose another")
        return wanted
    if _free(host, preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _listed(ports: Iterable[int]) -> str:
    return ", ".join(map(str, ports))
