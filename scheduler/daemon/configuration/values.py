"""Kinds of values that several settings have."""

from __future__ import annotations

import re

from scheduler.daemon.configuration import kinds
from scheduler.daemon.configuration.kinds import Choice, Number, Text, Whole


def is_login(text: str) -> bool:
    """Whether this is ``user:password``."""
    user, _, password = text.partition(":")
    return bool(user and password)


def is_service_name(text: str) -> bool:
    """Whether this is a name, or names of folders with it, separated by slashes."""
    folders = text.removeprefix("/").split("/")
    return len(text) <= 200 and all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", part) for part in folders)


PORT = Whole(1, 65535)
CORES = Number(0.01, 1024)
MEGABYTES = Whole(32, 2**31 - 1)
LINE = Text()
FILE = Text("the path of a file")
NEEDED = Text(needed=True)
URL = Text("an http or https URL", kinds.is_url)
ARTIFACT = Text("an http, https or file URL", kinds.is_artifact)
MEMORY = Number(32, 2**31)
SHA512 = kinds.pattern("128 hexadecimal digits", "[0-9a-fA-F]{128}")
NAME = kinds.pattern("letters, digits, dots, dashes and underscores", "[A-Za-z0-9_.-]+", needed=True)
SERVICE_NAME = Text(
    "letters, digits, dots, dashes and underscores, and slashes between", is_service_name, needed=True
)
RACK = kinds.pattern("letters, digits, dots, dashes and underscores, or @zone", "@?[A-Za-z0-9_.-]+", True)
ROLE = Text("a Mesos role: no blanks, no asterisk, no leading dash", kinds.is_role, needed=True)
DOMAIN = kinds.pattern("a domain name", r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
HOST = kinds.pattern("a host name or IP address", r"[A-Za-z0-9_.:-]+", needed=True)
SERVERS = Text("host:port,host:port,…", kinds.is_address_list, needed=True)
ZNODE = Text("the path of a znode, such as /mesos", kinds.is_znode, needed=True)
MASTER = Text("host:port or zk://host:port,host:port/path", kinds.is_master, needed=True)
LOGIN = Text("user:password", is_login)
PATH = Text("an absolute path", lambda text: text.startswith("/"))
BUCKET = Text("s3://bucket[/prefix] or http(s)://host[:port]/bucket[/prefix]", kinds.is_backup_location)
URLS = Text("http or https URLs separated by commas", kinds.is_url_list)
LEVELS = Choice(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
COLLECTORS = Choice(("G1", "SERIAL", "PARALLEL", "ZGC", "SHENANDOAH"))
