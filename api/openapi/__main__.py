"""Print the description: ``python -m api.openapi > docs/openapi.json``."""

from __future__ import annotations

import json
import time
from typing import cast

from flask import Flask

from api.app import register_calls
from api.openapi.document import document
from scheduler.daemon.service import Service


def text() -> str:
    """The description as it is kept in docs/."""
    app = Flask("api", static_folder=None)
    register_calls(app, cast(Service, None), time.time, None)
    return json.dumps(document(app), indent=1) + "\n"


if __name__ == "__main__":
    print(text(), end="")
