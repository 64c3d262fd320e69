"""``python -m local.mesos.master --ip=IP --work_dir=DIR``: one master, until it is told to end."""

from __future__ import annotations

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import logging
import signal
import sys
from pathlib import Path

from gevent.event import AsyncResult

from local.mesos.flags import FlagError, Flags
from local.mesos.http import Server
from local.mesos.master import options
from local.mesos.master.master import LOG_FILE, Master
from local.mesos.master.registry import FileStore

LOST_LEADERSHIP = 3

log = logging.getLogger("local.mesos.master")


def main() -> int:
    """Run until SIGTERM or SIGINT, or until the leadership is lost."""
    try:
        flags = options.read(sys.argv[1:])
        _log_to(flags)
        return _serve(flags)
    except (FlagError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def _log_to(flags: Flags) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if folder := flags.text("log_dir"):
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path / LOG_FILE))
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=flags.text("logging_level"), format=form, handlers=handlers)


def _serve(flags: Flags) -> int:
    master = Master(flags, FileStore(Path(flags.text("work_dir")) / "registry.json"))
    server = Server(flags.text("ip"), flags.number("port"), master.router())
    server.start()
    end: AsyncResult[int] = AsyncResult()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set(0))
    if flags.text("zk"):
        _stand_for_election(flags, master, end)
    else:
        master.follow(master.state.info)
    status = end.get()
    server.stop()
    return int(status)


def _stand_for_election(flags: Flags, master: Master, end: AsyncResult[int]) -> None:
    # Only here, as a master by itself has no use for the client.
    from local.mesos.master.election import Address, Election, ZooKeeperStore

    address = Address.parse(flags.text("zk"))

    def on_leader(leader: dict[str, object] | None) -> None:
        if not master.follow(leader):
            log.error("lost the leadership")
            end.set(LOST_LEADERSHIP)

    election = Election(address, master.state.info, flags.seconds("zk_session_timeout"), on_leader)
    master.state.registry.use(ZooKeeperStore(election.client, address.path))
    election.run()


if __name__ == "__main__":
    sys.exit(main())
