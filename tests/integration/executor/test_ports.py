"""Ports that another program has."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from executor import ports
from executor.failure import Stopped, TaskFailed
from executor.ports import check_free
from protocol.task import Ports

ADDRESS, MANAGEMENT = "127.0.77.201", "127.0.77.202"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is taken at one address of this machine."""
    with socket.create_server((ADDRESS, 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.create_server((ADDRESS, 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "PATIENCE_SECONDS", 0.0)


def every(port: int) -> Ports:
    return Ports(storage=port, ssl_storage=port, native_transport=port, jmx=port, jolokia=port)


def test_free_ports_are_free_after_as_before(free: int) -> None:
    for _ in range(2):
        check_free(every(free), ADDRESS, MANAGEMENT, time.sleep)


@pytest.mark.usefixtures("impatient")
def test_a_taken_port_is_named(taken: int) -> None:
    with pytest.raises(TaskFailed, match=rf"storage port {ADDRESS}:{taken} cannot be used .*already in use"):
        check_free(every(taken), ADDRESS, MANAGEMENT, time.sleep)
    with pytest.raises(TaskFailed, match=rf"JMX port {ADDRESS}:{taken} cannot be used"):
        check_free(every(taken), MANAGEMENT, ADDRESS, time.sleep)


def test_the_same_port_at_another_address_is_none_of_ours(taken: int) -> None:
    check_free(every(taken), "127.0.77.203", MANAGEMENT, time.sleep)


@pytest.mark.usefixtures("impatient")
def test_an_address_that_is_not_the_agents_is_named(free: int) -> None:
    with pytest.raises(TaskFailed, match=r"storage port 192\.0\.2\.1:.*Cannot assign requested address"):
        check_free(every(free), "192.0.2.1", MANAGEMENT, time.sleep)


def test_who_is_about_to_let_go_is_waited_for(free: int) -> None:
    with socket.create_server((ADDRESS, free)) as listener:

        def pause(seconds: float) -> None:
            listener.close()

        check_free(every(free), ADDRESS, MANAGEMENT, pause)


def test_the_wait_can_be_broken_off(taken: int) -> None:
    def stop(seconds: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        check_free(every(taken), ADDRESS, MANAGEMENT, stop)
