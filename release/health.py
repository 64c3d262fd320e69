"""Whether the scheduler of this machine serves: for the health check of the image, whose bin/ it is put into.

Reads the settings that say where, API_PORT and API_TLS_CERT. Ends with 1 where it does not serve.
"""

import os
import ssl
import sys
from urllib.request import urlopen

SECONDS = 8


def main() -> int:
    """Ask once."""
    port, encrypted = os.environ.get("API_PORT") or "9000", bool(os.environ.get("API_TLS_CERT"))
    scheme = "https" if encrypted else "http"
    # It asks itself: the certificate is made out to the name that others call it by.
    context = ssl._create_unverified_context() if encrypted else None
    try:
        with urlopen(f"{scheme}://127.0.0.1:{port}/v1/health", timeout=SECONDS, context=context):
            return 0
    except OSError as error:
        print(f"the scheduler does not serve: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
