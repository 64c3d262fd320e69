"""What is printed of the configuration: the effective values, the default file, the table as data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from protocol.codec import Json
from scheduler.daemon.configuration import cassandra_yaml
from scheduler.daemon.configuration.kinds import Choice, Flag, Number, PlacementConstraint, Text, Whole
from scheduler.daemon.configuration.masking import MASK, masked_json
from scheduler.daemon.configuration.reading import load, value_of
from scheduler.daemon.configuration.sections.cassandra import CASSANDRA
from scheduler.daemon.configuration.setting import Section, Setting
from scheduler.daemon.configuration.table import SECTIONS, SETTINGS, YAML_KEY
from scheduler.model.settings import Settings

HEADER = """\
# Settings of cassandra-scheduler. A line that is commented out shows a default, or how it is derived.
# The environment variable with a key's name in upper case wins over this file.
"""

YAML_MEANING = (
    f"Keys of cassandra.yaml of Cassandra {cassandra_yaml.VERSION}, but those that the executor sets for "
    "each node. In the environment each is CASSANDRA_<KEY>."
)

TYPES = {
    Whole: "integer",
    Number: "number",
    Flag: "boolean",
    Choice: "string",
    Text: "string",
    PlacementConstraint: "string",
}

WIDTH = 100


def check(environment: Mapping[str, str], file: Path | None) -> str:
    """The effective configuration as a file would give it, secrets masked. Raises ConfigurationErrors."""
    return effective(load(environment, file))


def effective(settings: Settings) -> str:
    """The settings as a file would give them, secrets masked."""
    shown: dict[str, Any] = {}
    for setting in SETTINGS:
        if setting.path:
            value = value_of(setting, settings)
            shown[setting.key] = MASK if setting.secret and value else plain(value)
    shown[YAML_KEY] = dict(settings.node.cassandra.yaml)
    return yaml.safe_dump(masked_json(shown), sort_keys=False, allow_unicode=True)


def default_file() -> str:
    """The commented default file."""
    return HEADER + "".join("\n" + "\n".join(_section(section)) + "\n" for section in SECTIONS)


def describe() -> list[dict[str, Json]]:
    """The table as data: name, key, type, default, rule and meaning of each setting, in its order."""
    rows = [
        {
            "name": setting.name,
            "key": setting.key,
            "type": TYPES[type(setting.kind)],
            "default": setting.derived or plain(value_of(setting)),
            "rule": setting.kind.rule,
            "meaning": setting.meaning,
        }
        for setting in SETTINGS
    ]
    cassandra = {
        "name": "CASSANDRA_<KEY>",
        "key": YAML_KEY,
        "type": "object",
        "default": dict(cassandra_yaml.DEFAULTS),
        "rule": f"a map of keys and values that Cassandra {cassandra_yaml.VERSION} takes",
        "meaning": YAML_MEANING,
    }
    return [*rows, cassandra]


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    for setting in section.settings:
        yield ""
        yield from _comment(f"{setting.meaning} Value: {setting.kind.rule}.")
        yield f"# {setting.key}: {_default(setting)}".rstrip()
    if section is CASSANDRA:
        yield ""
        yield from _comment(YAML_MEANING)
        yield f"# {YAML_KEY}:"
        yield from (f"#   {key}: {value}" for key, value in cassandra_yaml.DEFAULTS.items())


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False):
        yield f"# {line}"


def _default(setting: Setting) -> str:
    if setting.derive:
        return setting.derived
    value = plain(value_of(setting))
    return yaml.safe_dump(value, default_flow_style=True).splitlines()[0] if value != "" else ""


def plain(value: Any) -> Any:
    """Whole numbers without decimals."""
    return int(value) if isinstance(value, float) and value == int(value) else value
