"""The rules between settings. Each gives a line that names the settings, their values and the rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from scheduler.daemon.configuration.setting import Values

PORTS = (
    "CASSANDRA_STORAGE_PORT",
    "CASSANDRA_SSL_STORAGE_PORT",
    "CASSANDRA_NATIVE_TRANSPORT_PORT",
    "CASSANDRA_JMX_PORT",
    "CASSANDRA_JOLOKIA_PORT",
)


def _at_most(small: str, large: str) -> Callable[[Values], str | None]:
    def rule(values: Values) -> str | None:
        if values[small] <= values[large]:
            return None
        return f"{small}={values[small]} is more than {large}, which is {values[large]:g}"

    return rule


def _distribution(values: Values) -> str | None:
    if values["CASSANDRA_URI"]:
        return None
    return "CASSANDRA_URI must be set, to where the agents find Cassandra's tarball"


def _with_checksum(uri: str, checksum: str) -> Callable[[Values], str | None]:
    def rule(values: Values) -> str | None:
        if not values[uri] or values[checksum]:
            return None
        return f"{checksum} must be set, to the SHA-512 of what {uri} names"

    return rule


def _not_both(one: str, other: str) -> Callable[[Values], str | None]:
    def rule(values: Values) -> str | None:
        return (
            f"{one} and {other} are both set: set one of the two" if values[one] and values[other] else None
        )

    return rule


def _ports(values: Values) -> str | None:
    uses = Counter(values[name] for name in PORTS)
    port, count = uses.most_common(1)[0]
    if count == 1:
        return None
    names = [name for name in PORTS if values[name] == port]
    return f"{', '.join(names)}: all of these are {port}, and each needs a port of its own"


def _user(values: Values) -> str | None:
    if values["SERVICE_USER"]:
        return None
    return "SERVICE_USER must be set, as the user running the daemon has no name on this machine"


def _auth(values: Values) -> str | None:
    if values["API_AUTH"]:
        return None
    return (
        f"API_AUTH must be set, as API_HOST={values['API_HOST']} is reached from other machines; "
        "the choices are none (a proxy in front asks for tokens), token and jwt"
    )


def _needed_by(auth: str, name: str, what: str) -> Callable[[Values], str | None]:
    def rule(values: Values) -> str | None:
        if values["API_AUTH"] != auth or values[name]:
            return None
        return f"{name} must be set, to {what}, as API_AUTH is {auth}"

    return rule


def _tls(values: Values) -> str | None:
    if bool(values["API_TLS_CERT"]) == bool(values["API_TLS_KEY"]):
        return None
    return "API_TLS_CERT and API_TLS_KEY go together: set both, or neither"


RULES: tuple[tuple[tuple[str, ...], Callable[[Values], str | None]], ...] = (
    (("SEED_NODES", "NODES"), _at_most("SEED_NODES", "NODES")),
    (
        ("CASSANDRA_HEAP_SIZE_MB", "CASSANDRA_MEMORY_MB"),
        _at_most("CASSANDRA_HEAP_SIZE_MB", "CASSANDRA_MEMORY_MB"),
    ),
    (
        ("CASSANDRA_HEAP_NEW_MB", "CASSANDRA_HEAP_SIZE_MB"),
        _at_most("CASSANDRA_HEAP_NEW_MB", "CASSANDRA_HEAP_SIZE_MB"),
    ),
    (("CASSANDRA_URI",), _distribution),
    (("CASSANDRA_URI", "CASSANDRA_SHA512"), _with_checksum("CASSANDRA_URI", "CASSANDRA_SHA512")),
    (("JRE_URI", "JRE_SHA512"), _with_checksum("JRE_URI", "JRE_SHA512")),
    (("JOLOKIA_URI", "JOLOKIA_SHA512"), _with_checksum("JOLOKIA_URI", "JOLOKIA_SHA512")),
    (("ZOOKEEPER_AUTH", "ZOOKEEPER_AUTH_FILE"), _not_both("ZOOKEEPER_AUTH", "ZOOKEEPER_AUTH_FILE")),
    (PORTS, _ports),
    (("SERVICE_USER",), _user),
    (("API_AUTH", "API_HOST"), _auth),
    (("API_AUTH", "API_TOKENS_FILE"), _needed_by("token", "API_TOKENS_FILE", "a file with the tokens")),
    (("API_AUTH", "API_JWKS"), _needed_by("jwt", "API_JWKS", "a file or URL with the keys")),
    (("API_TLS_CERT", "API_TLS_KEY"), _tls),
)
"""The settings that a rule is about, and what it says of their values; nothing where they keep it."""
