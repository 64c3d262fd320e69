"""What a phase has to work with: its task, the node, the place of backups, and how it is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backup.location import parse
from backup.s3.client import Client
from backup.s3.credentials import Chain, Given
from backup.s3.credentials import Keys as S3Keys
from backup.s3.patience import Patience
from executor.answers import Started
from executor.backup.control import Control
from executor.cql import Cql
from executor.failure import NotAnswering
from executor.jolokia import Jolokia, Request
from protocol.backup import BackupTask, Keys, Place, Word
from protocol.codec import Json

SECONDS = 10.0
YES = (True, "true", "required")
"""As Cassandra reads its options of TLS."""


class Unfit(Exception):
    """What was asked for cannot be done here, and trying again would change nothing; one sentence."""


@dataclass(frozen=True)
class Errand:
    """One phase on one node."""

    task: BackupTask
    started: Started
    word: Word
    control: Control

    @property
    def data(self) -> Path:
        """Cassandra's data directory."""
        return self.started.layout.cassandra / "data"

    @property
    def staging(self) -> Path:
        """Where a restore brings its files before Cassandra sees any."""
        return self.started.layout.restored(self.task.operation)

    def client(self) -> Client:
        """A client of the place. Raises S3Failed, or BadLocation."""
        return client(self.task.place, self.word.keys)

    def jolokia(self) -> Jolokia:
        """A new connection to the node."""
        return self.started.jolokia()

    def ask(self, *requests: Request) -> list[Any]:
        """Ask the node. Raises NotAnswering."""
        with closing(self.jolokia()) as jolokia:
            answers = jolokia.ask(requests, SECONDS)
        for request, answer in zip(requests, answers, strict=True):
            if "value" not in answer:
                what = request.get("operation") or request.get("attribute")
                raise NotAnswering(f"Cassandra does not tell {what}: {answer.get('error', 'no reason')}")
        return [answer["value"] for answer in answers]

    def cql(self) -> Cql:
        """A new CQL session on the node. Raises NotAnswering, and Unfit where none can be had."""
        login, port = self.word.login, self.started.task.ports.native_transport
        user, password = (login.user, login.password) if login else ("", "")
        tls = _is_by_tls(self.started.task.yaml, port)
        return Cql(self.started.address, port, user, password, tls=tls)


def _is_by_tls(yaml: Mapping[str, Json], port: int) -> bool:
    """Whether a node's port of CQL speaks TLS. Raises Unfit where it asks for certificates of clients too."""
    options = yaml.get("client_encryption_options")
    if not isinstance(options, dict) or options.get("enabled") not in YES:
        return False
    if yaml.get("native_transport_port_ssl") not in (None, port):
        return False
    if options.get("require_client_auth") in YES:
        raise Unfit(
            "CQL asks clients for certificates (require_client_auth in CASSANDRA_CLIENT_ENCRYPTION_OPTIONS), "
            "and the service has none to show: schemas are read and made only where it does not"
        )
    return True


def client(place: Place, keys: Keys | None, patience: Patience | None = None) -> Client:
    """A client of a place; without keys with the executor's own credentials. Raises BadLocation."""
    location = parse(
        place.location,
        endpoint=place.endpoint or None,
        region=place.region or None,
        path_style=place.path_style,
    )
    if keys is None:
        return Client(location, Chain(), patience=patience)
    return Client(location, Given(S3Keys(keys.access, keys.secret, keys.token or None)), patience=patience)
