"""The page of all settings, docs/configuration.md, from their table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from release.options import LEFT_OUT, Option, options
from scheduler.daemon.configuration import cassandra_yaml
from scheduler.daemon.configuration.printing import YAML_MEANING, plain
from scheduler.daemon.configuration.reading import value_of
from scheduler.daemon.configuration.setting import Setting
from scheduler.daemon.configuration.table import IGNORED, SECTIONS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"

INTRODUCTION = """\
# Configuration

<!-- Made by make generate from the table of settings; do not edit. -->

Each setting is an environment variable, as Marathon and the DC/OS package set it, or a key of the file that
`cassandra-scheduler --config FILE` reads: the same name in lower case. The environment wins. An empty value
counts as not set, unless the setting takes an empty one.

    cassandra-scheduler --print-default-config     # the file, with comments
    cassandra-scheduler --check-config             # validates, prints what is in force, passwords masked

What is not valid ends the start with exit code 2 and a line for each value, which names it and its rule. An
unknown key of the file is refused; an unknown variable of the environment cannot be told from others,
unless it begins with `CASSANDRA_`. *Option* is the name in the DC/OS package.
"""

CASSANDRA_YAML = """
## cassandra.yaml

{meaning} Lists and maps are JSON there. In the DC/OS package they are the options `cassandra_yaml.<key>`.
Names that keys had before Cassandra 4.1 are understood. A change restarts the nodes one by one.

Owned by the executor, and refused: {owned}.

Set by variables of their own instead: {elsewhere}.
"""

HEAD = "| Variable | Default | Meaning | Value | Option |\n|---|---|---|---|---|\n"

IGNORED_TEXT = """
## Ignored

Variables that older app definitions set and that have no effect: {ignored}.
"""


def generated() -> dict[Path, str]:
    """The page and what is in it."""
    return {PAGE: INTRODUCTION + "".join(_sections()) + _cassandra() + _ignored()}


def _sections() -> Iterator[str]:
    names = {option.variable: option for option in options()}
    for section in SECTIONS:
        yield f"\n## {section.title}\n\n{HEAD}"
        for setting in section.settings:
            yield _row(setting, names.get(setting.name))


def _row(setting: Setting, option: Option | None) -> str:
    name = f"`{option.group}.{option.key}`" if option and setting.name not in LEFT_OUT else ""
    cells = (f"`{setting.name}`", _default(setting), cell(setting.meaning), cell(setting.kind.rule), name)
    return "| " + " | ".join(cells) + " |\n"


def _default(setting: Setting) -> str:
    if setting.derived:
        return cell(setting.derived)
    value = plain(value_of(setting))
    return "" if value == "" else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def cell(text: str) -> str:
    """Plain text in a cell of a table."""
    for mark, written in (
        ("\\", "\\\\"),
        ("|", "\\|"),
        ("<", "&lt;"),
        ("*", "\\*"),
        ("[", "\\["),
        ("_", "\\_"),
    ):
        text = text.replace(mark, written)
    return text


def _cassandra() -> str:
    owned = ", ".join(f"`{key}`" for key in sorted(cassandra_yaml.OWNED))
    elsewhere = ", ".join(f"`{key}` ({name})" for key, name in sorted(cassandra_yaml.ELSEWHERE.items()))
    defaults = "".join(f"| `{key}` | `{value}` |\n" for key, value in cassandra_yaml.DEFAULTS.items())
    table = f"\n| Key | Default here |\n|---|---|\n{defaults}"
    meaning = cell(YAML_MEANING)
    return CASSANDRA_YAML.format(meaning=meaning, owned=owned, elsewhere=elsewhere) + table


def _ignored() -> str:
    return IGNORED_TEXT.format(ignored=", ".join(f"`{name}`" for name in sorted(IGNORED)))
