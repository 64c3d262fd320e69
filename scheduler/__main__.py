"""The scheduler daemon's entry point: ``cassandra-scheduler``.

gevent is patched in before anything else is imported, or sockets and locks made earlier would block the
one thread that everything runs on.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import argparse
import dataclasses
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import gevent
from gevent.ssl import SSLContext

from api.app import create_app
from api.auth.callers import Identify
from api.auth.modes import AuthError, identify_for
from api.server import Server
from api.tls import TlsError, server_context
from executor import bundle
from protocol.backup import Login
from scheduler.daemon import configuration, logs
from scheduler.daemon.bundle import Bundle
from scheduler.daemon.configuration import ConfigurationErrors
from scheduler.daemon.daemon import Daemon
from scheduler.daemon.sealing import Sealer, WeakKey
from scheduler.daemon.secrets import Secrets
from scheduler.model.settings import Settings

log = logging.getLogger("scheduler")

CONFIGURATION = 2


@dataclasses.dataclass(frozen=True)
class Front:
    """How the API tells callers and which TLS it has; None where it does not."""

    identify: Identify | None
    tls: SSLContext | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon until it is stopped or must end; the exit code."""
    options = _parser().parse_args(arguments)
    if options.print_default_config:
        print(configuration.default_file(), end="")
        return 0
    try:
        settings = configuration.load(os.environ, options.config)
        secrets = _secrets(settings)
        front = Front(identify_for(settings.api), server_context(settings.api))
    except (ConfigurationErrors, AuthError, TlsError) as error:
        print(error, file=sys.stderr)
        return CONFIGURATION
    if options.check_config:
        print(configuration.effective(settings), end="")
        return 0
    if options.uninstall:
        settings = dataclasses.replace(settings, uninstall=True)
    logs.configure(settings.log_level, settings.log_format)
    with tempfile.TemporaryDirectory(prefix="cassandra-scheduler-") as folder:
        return _run(settings, secrets, front, Path(folder), ends=options.uninstall)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cassandra-scheduler", description="Runs Cassandra on Mesos.")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings; the environment wins over them"
    )
    parser.add_argument("--check-config", action="store_true", help="validate, print what is in force, end")
    parser.add_argument(
        "--uninstall",
        action="store_true",
        help="take the service away for good, its nodes and their data too, and end",
    )
    parser.add_argument(
        "--print-default-config", action="store_true", help="print the commented default file"
    )
    return parser


def _secrets(settings: Settings) -> Secrets:
    auth = settings.zookeeper_auth
    if settings.zookeeper_auth_file:
        auth = _read("ZOOKEEPER_AUTH_FILE", settings.zookeeper_auth_file)
    mesos = settings.service.secret_file
    return Secrets(
        auth,
        _read("SERVICE_SECRET_FILE", mesos) if mesos else None,
        _sealer(settings.secrets_key_file),
        _login(settings),
    )


def _sealer(path: str) -> Sealer:
    try:
        return Sealer(_read("SECRETS_KEY_FILE", path) if path else "")
    except WeakKey as error:
        raise ConfigurationErrors([f"SECRETS_KEY_FILE={path}: {error}"]) from None


def _login(settings: Settings) -> Login | None:
    if not settings.cql_user:
        return None
    path = settings.cql_password_file
    return Login(settings.cql_user, _read("CQL_PASSWORD_FILE", path) if path else "")


def _read(variable: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationErrors([f"{variable}={path} cannot be read: {error}"]) from None


def _run(settings: Settings, secrets: Secrets, front: Front, folder: Path, *, ends: bool) -> int:
    path, digest = bundle.build(folder)
    scheme = "https" if front.tls else "http"
    own_url = f"{scheme}://{_own_host(settings)}:{settings.api.port}"
    url = settings.api.url or own_url
    daemon = Daemon(settings, secrets, Bundle(path, digest), url, own_url, ends=ends)
    server = Server(
        create_app(daemon, identify=front.identify), settings.api.host, settings.api.port, front.tls
    )
    try:
        server.start()
    except OSError as error:
        print(
            f"API_HOST={settings.api.host}, API_PORT={settings.api.port}: {error.strerror}", file=sys.stderr
        )
        return CONFIGURATION
    # pymesos sets a handler of its own when it is imported; these come after it.
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, daemon.stop)
    log.info("API at %s", url)
    daemon.start()
    code = daemon.wait()
    daemon.close()
    server.stop()
    return code


def _own_host(settings: Settings) -> str:
    """Where other machines find this instance's API."""
    host = settings.api.host
    if host in ("0.0.0.0", "::"):
        return _own_address(settings.zookeeper_servers)
    return f"[{host}]" if ":" in host else host


def _own_address(servers: str) -> str:
    """The address from which this machine reaches ZooKeeper: the agents reach it there too."""
    host, _, port = servers.split(",")[0].rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, int(port)))
        except OSError:
            return socket.gethostname()
        address: str = probe.getsockname()[0]
        return address


if __name__ == "__main__":
    sys.exit(main())
