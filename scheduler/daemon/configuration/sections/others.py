"""Settings of backups, other data centers and logs."""

from __future__ import annotations

from scheduler.daemon.configuration.kinds import Choice, Whole
from scheduler.daemon.configuration.setting import Section, Setting, Values
from scheduler.daemon.configuration.values import BUCKET, FILE, LEVELS, LINE, URL, URLS


def _dc_url(values: Values) -> str:
    return f"{values['API_URL'].rstrip('/')}/v1/datacenter" if values["API_URL"] else ""


OTHERS = Section(
    "Backups, other data centers, logs",
    (
        Setting("CQL_USER", "cql_user", LINE, "User for schema backups where CQL needs one."),
        Setting("CQL_PASSWORD_FILE", "cql_password_file", FILE, "File with its password."),
        Setting("CQL_CA_FILE", "cql_ca_file", FILE, "File with the CA of CQL's certificates."),
        Setting("BACKUP_LOCATION", "backup_location", BUCKET, "The service's own backups."),
        Setting(
            "BACKUP_CREDENTIALS_FILE", "backup_credentials_file", FILE, "File with the credentials for them."
        ),
        Setting("EXTERNAL_DCS", "external_dcs", URLS, "/v1/datacenter of the others."),
        Setting(
            "DC_URL",
            "dc_url",
            URL,
            "/v1/datacenter of this one, as the others reach it.",
            derived="<api_url>/v1/datacenter",
            derive=_dc_url,
        ),
        Setting(
            "DC_SYNC_MS", "dc_sync_ms", Whole(1000, 86400000), "Milliseconds between two looks at the others."
        ),
        Setting("SECRETS_KEY_FILE", "secrets_key_file", FILE, "File with the key for stored secrets."),
        Setting("LOG_LEVEL", "log_level", LEVELS, "Least severe message that is logged."),
        Setting("LOG_FORMAT", "log_format", Choice(("text", "json")), "How logs are written."),
    ),
)
