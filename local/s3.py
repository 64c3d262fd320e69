"""An S3 store for the one-machine cluster: moto's, in a process of its own, with a bucket ready.

It keeps everything in memory and takes any keys, so it is for trying things out: what was stored is gone once
it stops.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import threading
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def main(arguments: list[str]) -> int:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m local.s3")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bucket", required=True)
    options = parser.parse_args(arguments)
    app: Any = DomainDispatcherApplication(create_backend_app)
    server = make_server(options.host, options.port, app, threaded=True)
    threading.Thread(target=_make_bucket, args=(options.host, options.port, options.bucket)).start()
    server.serve_forever()
    return 0


def _make_bucket(host: str, port: int, bucket: str) -> None:
    connection = http.client.HTTPConnection(host, port)
    try:
        connection.request("PUT", f"/{bucket}")
        connection.getresponse().read()
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
