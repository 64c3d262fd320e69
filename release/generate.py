"""Writes what is generated from the settings and the API's description: ``make generate``."""

from __future__ import annotations

import sys
from pathlib import Path

from release import calls, package, reference


def generated() -> dict[Path, str]:
    """All generated files and what is in them."""
    return {**package.generated(), **reference.generated(), **calls.generated()}


def main() -> int:
    """Write them."""
    for path, content in generated().items():
        path.write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
