"""Settings of the REST API."""

from __future__ import annotations

from scheduler.daemon.configuration.kinds import Choice, Flag
from scheduler.daemon.configuration.setting import MARATHON_APP, Section, Setting, Values
from scheduler.daemon.configuration.values import DOMAIN, FILE, HOST, LINE, PORT, URL


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    return host in ("localhost", "::1") or host.startswith("127.")


def _api_url(values: Values) -> str:
    """Marathon names an app in a folder by the folder last: data/cassandra is cassandra-data."""
    if not values[MARATHON_APP]:
        return ""
    folders = values["SERVICE_NAME"].strip("/").split("/")
    scheme = "https" if values["API_TLS_CERT"] else "http"
    return f"{scheme}://{'-'.join(reversed(folders))}.marathon.mesos:{values['API_PORT']}"


API = Section(
    "The REST API",
    (
        Setting("API_HOST", "api.host", HOST, "Address that the API listens on."),
        Setting("API_PORT", "api.port", PORT, "Port that the API listens on."),
        Setting(
            "API_TLS_CERT",
            "api.tls_cert",
            FILE,
            "File with the API's certificate and those above it; with it the API is https.",
        ),
        Setting("API_TLS_KEY", "api.tls_key", FILE, "File with the certificate's key."),
        Setting(
            "API_URL",
            "api.url",
            URL,
            "How agents and other data centers reach the API.",
            derived="http://<service_name>.marathon.mesos:<api_port> under Marathon, else the own address",
            derive=_api_url,
        ),
        Setting(
            "API_AUTH",
            "api.auth",
            Choice(("none", "token", "jwt")),
            "Who may call the API: none leaves that to a proxy in front, token takes those of a file, "
            "jwt those that DC/OS signs.",
            derived="none where api_host is loopback; elsewhere it must be set",
            derive=lambda values: "none" if is_loopback(values["API_HOST"]) else "",
        ),
        Setting(
            "API_TOKENS_FILE",
            "api.tokens_file",
            FILE,
            "File with the tokens of api_auth token, a line each: <name> <read-only|read-write> <token>.",
        ),
        Setting(
            "API_JWKS",
            "api.jwks",
            LINE,
            "Keys of api_auth jwt: file or URL of a JWKS (RS256), or file with a secret (HS256).",
        ),
        Setting("METRICS_AUTH", "metrics_auth", Flag(), "Whether /metrics needs a token too."),
        Setting("DNS_SUFFIX", "dns_suffix", DOMAIN, "Domain of Mesos-DNS; with it, /v1/connection has dns."),
        Setting("VIP_SUFFIX", "vip_suffix", DOMAIN, "Domain of virtual addresses; with it, it has vip."),
    ),
)
