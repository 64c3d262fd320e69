"""Cassandra Medusa's own code on files that lie there as a snapshot: run by the Python that has Medusa.

    python backup_medusa.py upload|download HOST PORT BUCKET PREFIX NAME FOLDER HOME

Medusa's steps that need a running Cassandra are left out: the snapshot, tokens and schema from CQL.
Its bandwidth is not limited, and it transfers four files at a time. Nothing of the project is imported.
"""

from __future__ import annotations

import pathlib
import sys
import types

import medusa.backup_node
import medusa.cassandra_utils
import medusa.config
import medusa.download
from medusa.storage import Storage

SETTINGS = """
[storage]
storage_provider = s3_compatible
bucket_name = {bucket}
key_file = {keys}
prefix = {prefix}
fqdn = node-0
host = {host}
port = {port}
secure = False
region = us-east-1
transfer_max_bandwidth =
concurrent_transfers = 4
[cassandra]
[ssh]
[checks]
[monitoring]
[logging]
[grpc]
[kubernetes]
"""


class Snapshot:
    """A snapshot that lies there already."""

    def __init__(self, root: pathlib.Path) -> None:
        self._root = root

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *ended: object) -> None:
        pass

    def find_dirs(self) -> list[object]:
        """As Medusa finds them."""
        return [
            medusa.cassandra_utils.SnapshotPath(path, *path.relative_to(self._root).parts[:2])
            for path in self._root.glob("*/*/snapshots/*")
        ]


def main(arguments: list[str]) -> None:
    """Do what is said."""
    verb, host, port, bucket, prefix, name, folder, home = arguments
    settings = pathlib.Path(home, "medusa.ini")
    keys = pathlib.Path(home, "medusa-keys")
    settings.write_text(SETTINGS.format(bucket=bucket, keys=keys, prefix=prefix, host=host, port=port))
    config = medusa.config.load_config({}, settings)
    with Storage(config=config.storage) as storage:
        backup = storage.get_node_backup(fqdn="node-0", name=name, differential_mode=True)
        if verb == "download":
            medusa.download.download_data(config.storage, backup, set(), pathlib.Path(folder))
            return
        backup.schema, backup.tokenmap = "CREATE", "{}"
        backup.server_version = '{"server_type": "cassandra", "release_version": "5.0.9"}'
        backup.differential = "differential"
        medusa.backup_node.add_backup_start_to_index(storage, backup)
        cassandra = types.SimpleNamespace(create_snapshot=lambda *_: Snapshot(pathlib.Path(folder)))
        medusa.backup_node.do_backup(cassandra, backup, storage, False, 1, name)


if __name__ == "__main__":
    main(sys.argv[1:])
