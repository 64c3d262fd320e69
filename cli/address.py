"""Where the service is, and with what token it is asked: options, environment, the DC/OS CLI, in turn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from cli import dcos
from cli.failure import WRONG, Failure

USUAL_NAME = "cassandra"

NOWHERE = (
    "it is not known where the service is: give --url http://HOST:PORT, set DCOS_CASSANDRA_URL, "
    "or attach the DC/OS CLI to a cluster (dcos cluster attach)"
)


@dataclass(frozen=True)
class Options:
    """What the command line says; None where it says nothing."""

    url: str | None = None
    name: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    insecure: bool = False


@dataclass(frozen=True)
class Address:
    """The service. ``verify`` is whether to check certificates, or the file of CAs to check by."""

    url: str
    token: str | None = None
    verify: bool | Path = True


def find(options: Options, environment: Mapping[str, str]) -> Address:
    """The service's address. Raises Failure where none is given, or it is not one.

    A token of the DC/OS CLI's is for its cluster alone: it goes to no address that was given otherwise.
    """
    own = options.url or environment.get("DCOS_CASSANDRA_URL")
    if own:
        return Address(_checked(own), _token(options, environment), _verification(options, environment, True))
    cluster = _cluster(environment)
    if cluster is None:
        raise Failure(NOWHERE, WRONG)
    name = options.name or environment.get("DCOS_CASSANDRA_SERVICE_NAME") or cluster.service_name
    url = cluster.service_url or f"{cluster.url}/service/{quote((name or USUAL_NAME).strip('/'))}"
    theirs = None if cluster.service_url else cluster.token
    token = _token(options, environment) or theirs
    return Address(_checked(url), token, _verification(options, environment, cluster.verify))


def _cluster(environment: Mapping[str, str]) -> dcos.DcosCluster | None:
    """The cluster: told by the DC/OS CLI that runs this program, or by its files."""
    url = environment.get("DCOS_URL", "").rstrip("/")
    if url:
        return dcos.DcosCluster(url, environment.get("DCOS_ACS_TOKEN"))
    return dcos.attached(environment)


def _token(options: Options, environment: Mapping[str, str]) -> str | None:
    if options.token_file is None:
        given = environment.get("DCOS_CASSANDRA_TOKEN", "").strip()
        return _fit(given, "DCOS_CASSANDRA_TOKEN") if given else None
    try:
        token = options.token_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"the token cannot be read from {options.token_file}: {error}", WRONG) from None
    if not token:
        raise Failure(f"there is no token in {options.token_file}", WRONG)
    return _fit(token, str(options.token_file))


def _fit(token: str, where: str) -> str:
    """The token, if it fits a header. Raises Failure, which does not show it."""
    if not re.fullmatch("[!-~]+", token):
        raise Failure(f"{where} holds more than a token: one word of letters, digits and signs", WRONG)
    return token


def _verification(options: Options, environment: Mapping[str, str], usual: bool | Path) -> bool | Path:
    if options.insecure:
        return False
    if options.ca_file is not None:
        return options.ca_file
    if environment.get("DCOS_TLS_CA_PATH"):
        return Path(environment["DCOS_TLS_CA_PATH"])
    return False if environment.get("DCOS_TLS_INSECURE") == "1" else usual


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise Failure(f"{url} is not an address: give one such as http://10.0.0.1:9000", WRONG)
    if parts.query or parts.fragment or parts.username is not None:
        raise Failure(f"the address is to end before any ?, # and to have no user in it: {url}", WRONG)
    return url.rstrip("/")
