"""TLS: of the API's own, and towards the instance that leads."""

from __future__ import annotations

import ssl

from gevent.ssl import SSLContext

from scheduler.model.settings import ApiSettings


class TlsError(Exception):
    """A certificate or key that cannot be used; the message names the settings and says why."""


def server_context(settings: ApiSettings) -> SSLContext | None:
    """What the API is served with; None where it is plain HTTP. Raises TlsError."""
    if not settings.tls_cert:
        return None
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except (OSError, ValueError) as error:
        files = f"API_TLS_CERT={settings.tls_cert}, API_TLS_KEY={settings.tls_key}"
        raise TlsError(f"{files} cannot be used: {getattr(error, 'strerror', None) or error}") from None
    return context


def leader_context(settings: ApiSettings) -> SSLContext:
    """What this instance asks another one of the service with, whose address ZooKeeper has told.

    That address seldom stands in its certificate, so it counts who signed it: this instance's own certificate
    (all instances may have the same), whoever signed that one, or an authority that the machine trusts.
    """
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_default_certs()
    if settings.tls_cert:
        context.load_verify_locations(settings.tls_cert)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
