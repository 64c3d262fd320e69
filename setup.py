"""Everything stands in setup.cfg but one requirement, whose address depends on where the clone lies.

pymesos requires http-parser, whose newest release does not build on Python 3.11 and newer. pip takes the
stand-in of vendor/http-parser for it, because a requirement with an address wins over the index.
"""

from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent


def requirements() -> list[str]:
    """The requirements of setup.cfg, and the stand-in: setuptools does not merge the two lists itself."""
    config = ConfigParser()
    config.read(HERE / "setup.cfg")
    lines = config["options"]["install_requires"].strip().splitlines()
    return [*lines, f"http-parser @ {(HERE / 'vendor' / 'http-parser').as_uri()}"]


setup(install_requires=requirements())
