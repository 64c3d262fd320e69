"""When CQL is spoken by TLS."""

from __future__ import annotations

from typing import Any

import pytest

from executor.transfers.errand import Unfit, _is_by_tls

PORT = 9042
ON = {"enabled": True, "keystore": "/keys"}


@pytest.mark.parametrize(
    ("yaml", "by_tls"),
    [
        ({}, False),
        ({"client_encryption_options": {"enabled": False, "require_client_auth": True}}, False),
        ({"client_encryption_options": ON}, True),
        ({"client_encryption_options": {**ON, "optional": True, "require_client_auth": False}}, True),
        ({"client_encryption_options": ON, "native_transport_port_ssl": PORT}, True),
        ({"client_encryption_options": ON, "native_transport_port_ssl": 9142}, False),
    ],
)
def test_cql_is_by_tls_where_its_port_is(yaml: dict[str, Any], by_tls: bool) -> None:
    assert _is_by_tls(yaml, PORT) == by_tls


def test_a_cluster_that_wants_certificates_of_clients_is_told_that_there_is_none() -> None:
    yaml = {"client_encryption_options": {**ON, "require_client_auth": True}}
    with pytest.raises(Unfit, match="require_client_auth in CASSANDRA_CLIENT_ENCRYPTION_OPTIONS"):
        _is_by_tls(yaml, PORT)
