"""A master and an agent of the one-machine Mesos in a folder of their own, killed and started at will."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from local import process

REPOSITORY = Path(__file__).resolve().parents[3]
MASTER_PORT, AGENT_PORT = 5050, 5051
READY_SECONDS = 60.0

MASTER_FLAGS = "--allocation_interval=250ms --max_agent_ping_timeouts=3"
AGENT_FLAGS = (
    "--executor_shutdown_grace_period=2secs --attributes=host:h1;rack:r1;zone:z1 "
    "--resources=cpus:8;mem:8192;disk:50000;ports:[7000-7999,9000-9099] "
    "--registration_backoff_factor=100ms --hostname_lookup=false --launcher=posix "
    "--isolation=posix/cpu,posix/mem,filesystem/posix,disk/du --systemd_enable_support=false"
)
"""Those that were recorded with."""

_numbers = itertools.count()


class Cluster:
    """``start`` first, ``down`` at the end. An agent is lost after three times ``ping_timeout``."""

    def __init__(self, folder: Path, ping_timeout: str) -> None:
        self._flags = f"{MASTER_FLAGS} --agent_ping_timeout={ping_timeout}"
        self._folder = folder.resolve()
        self.begun = time.time()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        host = own_address()
        self.master, self.agent = (host, MASTER_PORT), (host, AGENT_PORT)
        self.places = {
            folder / "agent" / "work": "/mesos/agent1/work",
            folder / "agent": "/mesos/agent1",
            folder / "master": "/mesos/master",
            Path(tempfile.gettempdir()): "/mesos/scratch",
        }

    def start(self) -> None:
        """Start both, and wait until they work."""
        self.start_master()
        self.start_agent()
        self._await(lambda: self._agents() == 1, "agent")

    def start_master(self) -> None:
        """Start the master, and wait until it answers."""
        work = self._folder / "master"
        host, port = self.master
        self._start("master", f"--ip={host} --port={port} --work_dir={work} {self._flags}")
        self._await(lambda: self._answers(self.master), "master")

    def start_agent(self) -> None:
        """Start the agent. It works some time later."""
        work, (host, port) = self._folder / "agent" / "work", self.agent
        flags = f"--ip={host} --port={port} --work_dir={work} --master={host}:{self.master[1]}"
        own = self._folder / "agent"
        own_flags = f"--hostname={host} --runtime_dir={own / 'runtime'} --fetcher_cache_dir={own / 'fetch'}"
        self._start("agent", f"{flags} {own_flags} {AGENT_FLAGS}")

    def stop_master(self) -> None:
        """Kill the master."""
        self._kill("master")

    def kill_agent(self) -> None:
        """Kill the agent; executors run on."""
        self._kill("agent")

    def hold_agent(self) -> None:
        """Halt the agent: a real one notices only after some seconds that its master is new."""
        self._processes["agent"].send_signal(signal.SIGSTOP)

    def release_agent(self) -> None:
        """Let the agent go on."""
        self._processes["agent"].send_signal(signal.SIGCONT)

    def forget_agent(self) -> None:
        """Let the agent forget its id, but not what it has reserved."""
        (self._folder / "agent" / "work" / "meta" / "slaves" / "latest").unlink()

    def down(self) -> None:
        """End everything."""
        for name in list(self._processes):
            self._kill(name)
        process.end_all(process.belonging_to(self._folder), 9, 5.0)
        shutil.rmtree(self._folder / "agent", ignore_errors=True)

    def _start(self, name: str, flags: str) -> None:
        command = [sys.executable, "-m", f"local.mesos.{name}", *flags.split()]
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)

    def _kill(self, name: str) -> None:
        child = self._processes.pop(name)
        child.kill()
        child.wait()

    def _await(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"the {what} is not ready: {(self._folder / f'{what}.log').read_text()}")
            time.sleep(0.02)

    def _answers(self, address: tuple[str, int]) -> bool:
        with contextlib.suppress(OSError):
            return self._get(address, "/health") is not None
        return False

    def _agents(self) -> int:
        body = self._get(self.master, "/slaves")
        return sum(agent["active"] for agent in json.loads(body or "{}").get("slaves", []))

    def _get(self, address: tuple[str, int], path: str) -> bytes | None:
        connection = http.client.HTTPConnection(*address, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            data = answer.read()
            return data if answer.status == 200 else None
        finally:
            connection.close()


def own_address() -> str:
    """A loopback address that no other cluster has: outgoing connections cannot take ports of it away."""
    pid = os.getpid()
    return f"127.{100 + next(_numbers) % 100}.{pid >> 8 & 255}.{pid & 255}"
