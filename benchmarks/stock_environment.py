"""A throw-away virtual environment with pymesos as its authors publish it.

pymesos needs http-parser, whose release no longer compiles on Python 3.11 and newer. It is given the
best that can be had of it: its C parser, from the C that today's Cython writes for it. Where that cannot
be built, its own pure-Python parser, which it falls back to by itself.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

PYMESOS, HTTP_PARSER = "pymesos==0.3.15", "http-parser==0.9.0"

BUILD = """
from setuptools import Extension, setup
from Cython.Build import cythonize
sources = ["http_parser/parser.pyx", "http_parser/http_parser.c"]
setup(name="parser", packages=[], ext_modules=cythonize([Extension("http_parser.parser", sources)]))
"""


class StockUnavailable(Exception):
    """The environment could not be made; the message says why."""


def make(home: Path) -> tuple[Path, str]:
    """Make the environment below ``home``; its Python, and which parser it has."""
    python = home / "venv" / "bin" / "python"
    try:
        _run([sys.executable, "-m", "venv", str(home / "venv")])
        _run([str(python), "-m", "pip", "install", "-q", "setuptools", "wheel", "cython", "six", "addict"])
        _run([str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", PYMESOS])
        source = _http_parser(python, home)
    except subprocess.CalledProcessError as error:
        raise StockUnavailable(f"{error.cmd[-1]} could not be installed: {error.stderr[-300:]}") from error
    parser = _compile(python, source)
    packages = next((home / "venv" / "lib").glob("python*/site-packages"))
    (source / "http_parser").rename(packages / "http_parser")
    return python, parser


def _http_parser(python: Path, home: Path) -> Path:
    pip = [str(python), "-m", "pip", "download", "-q", "--no-deps", "--no-build-isolation"]
    _run([*pip, "--no-binary", ":all:", "-d", str(home), HTTP_PARSER])
    with tarfile.open(next(home.glob("http*parser-*.tar.gz"))) as archive:
        archive.extractall(home, filter="data")
    source = next(path for path in home.glob("http*parser-*") if path.is_dir())
    (source / "http_parser" / "parser.c").unlink()  # of a Cython that no Python of today compiles
    return source


def _compile(python: Path, source: Path) -> str:
    (source / "build_parser.py").write_text(BUILD)
    try:
        _run([str(python), "build_parser.py", "-q", "build_ext", "--inplace"], source)
    except subprocess.CalledProcessError:
        return "pure-Python parser"
    return "C parser"


def _run(command: list[str], directory: Path | None = None) -> None:
    subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
