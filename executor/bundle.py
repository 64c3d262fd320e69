"""Packing the executor into one file of pure Python, which any ``python3`` runs. Not itself in the bundle."""

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path

NAME = "executor.pyz"
PACKAGES = ("executor", "protocol", "transport", "backup", "pymesos", "addict", "http_parser")
MODULES = ("six",)
LEFT_OUT = frozenset({"executor/bundle.py"})

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every entry: equal sources give equal bytes, and so one content hash."""

MAIN = """\
import sys
if sys.version_info < (3, 10):
    found = "%d.%d" % sys.version_info[:2]
    sys.exit("the executor needs Python 3.10 or newer, and the python3 of this agent is " + found)
from executor.__main__ import main
sys.exit(main())
"""


def build(folder: Path) -> tuple[Path, str]:
    """Write the bundle into ``folder``; its path and its SHA-256 in hex.

    Raises RuntimeError where something that belongs in it is not installed.
    """
    path = folder / NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", MAIN.encode())
        for name, source in sorted(_sources()):
            if name not in LEFT_OUT:
                _add(archive, name, source.read_bytes())
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def _sources() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        root = _origin(package).parent
        for source in root.rglob("*.py"):
            yield f"{package}/{source.relative_to(root).as_posix()}", source
    for module in MODULES:
        yield f"{module}.py", _origin(module)


def _origin(name: str) -> Path:
    """The file that a package or module is imported from."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{name} is not installed")
    return Path(spec.origin)
