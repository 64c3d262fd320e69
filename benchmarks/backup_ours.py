"""What an executor does of a backup and of a restore, in a process of its own: see benchmarks.backup.

python -m benchmarks.backup_ours upload|download HOST PORT BUCKET PREFIX NAME FOLDER HOME
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from backup.location import parse
from backup.manifest import ClusterManifest, NodeFacts
from backup.s3.client import Client
from backup.s3.credentials import Chain
from executor.backup import download, publish, upload
from executor.backup.control import Control

FACTS = NodeFacts("node-0", "id", "dc1", "rac1", ("0",), "127.0.0.1", "5.0.9")


def main(arguments: list[str]) -> None:
    """Do what is said."""
    verb, host, port, bucket, prefix, name, folder, home = arguments
    client = Client(parse(f"http://{host}:{port}/{bucket}/{prefix}"), Chain())
    if verb == "download":
        download.download(client, download.DownloadJob(name, "node-0", Path(folder)), Control())
        return
    publish.check(client, name)
    tag = os.listdir(next(Path(folder).glob("*/*/snapshots")))[0]  # noqa: PTH208
    job = upload.UploadJob(name, name, FACTS, Path(folder), tag, Path(home, "cache", prefix))
    summary = upload.upload(client, job, Control())
    schema = publish.put_schema(client, "CREATE")
    manifest = ClusterManifest(name, "benchmark", "2026-01-01T00:00:00Z", "5.0.9", "p", 1, schema, (summary,))
    publish.publish(client, manifest, name, Control())


if __name__ == "__main__":
    main(sys.argv[1:])
