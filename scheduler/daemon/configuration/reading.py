"""Reading the configuration: defaults, the file over them, the environment over both."""

from __future__ import annotations

import dataclasses
import os
import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from protocol.codec import Json
from scheduler.daemon.configuration import cassandra_yaml
from scheduler.daemon.configuration.kinds import Kind
from scheduler.daemon.configuration.masking import MASK, masked
from scheduler.daemon.configuration.rules import RULES
from scheduler.daemon.configuration.setting import MARATHON_APP, RUNNING_USER, Setting
from scheduler.daemon.configuration.table import IGNORED, SETTINGS, YAML_KEY, YAML_PATH, YAML_PREFIX
from scheduler.model.placement import ConstraintError
from scheduler.model.settings import Settings

Record = TypeVar("Record")

DEFAULTS = Settings()
NAMES = frozenset(setting.name for setting in SETTINGS) | IGNORED
KEYS = frozenset(name.lower() for name in NAMES) | {YAML_KEY}
LONGEST_SHOWN = 80


class ConfigurationErrors(Exception):
    """What is wrong with a configuration: one line for each value, naming it and its rule."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


def load(environment: Mapping[str, str], file: Path | None) -> Settings:
    """The effective configuration. Raises ConfigurationErrors with all that is wrong."""
    reader = _Reader(environment, file)
    values, cassandra = reader.values(), reader.cassandra()
    reader.errors += [
        error
        for names, rule in RULES
        if not reader.wrong.intersection(names) and (error := rule(values)) is not None
    ]
    if reader.errors:
        raise ConfigurationErrors(reader.errors)
    settings = _with(DEFAULTS, YAML_PATH, cassandra)
    for setting in SETTINGS:
        if setting.path:
            settings = _with(settings, setting.path, values[setting.name])
    return settings


def value_of(setting: Setting, settings: Settings = DEFAULTS) -> Any:
    """A setting's value; its default, where it does not derive one, unless settings are given."""
    value: Any = settings
    for name in setting.path.split("."):
        value = getattr(value, name)
    return value


def _with(record: Record, path: str, value: Any) -> Record:
    """The record with the field at a dotted path replaced."""
    head, _, rest = path.partition(".")
    inner = _with(getattr(record, head), rest, value) if rest else value
    return cast(Record, dataclasses.replace(cast(Any, record), **{head: inner}))


class _Reader:
    """Takes values from both sources and collects what is wrong with them, by the names in ``wrong``."""

    def __init__(self, environment: Mapping[str, str], file: Path | None) -> None:
        self.errors: list[str] = []
        self.wrong: set[str] = set()
        self._environment = environment
        self._file = self._known(file) if file is not None else {}

    def values(self) -> dict[str, Any]:
        """Every setting's value by its variable's name; the default where a value is wrong."""
        values: dict[str, Any] = {
            RUNNING_USER: _running_user(),
            MARATHON_APP: self._environment.get(MARATHON_APP, ""),
        }
        for setting in SETTINGS:
            default = setting.derive(values) if setting.derive else value_of(setting)
            values[setting.name] = self._value(setting, default)
        return values

    def cassandra(self) -> dict[str, Json]:
        """The keys of cassandra.yaml; the environment's win over the file's, under whichever name."""
        from_file = self._file.get(YAML_KEY, {})
        if not isinstance(from_file, dict):
            self.errors.append(f"{YAML_KEY}={_shown(from_file)} is not a map of keys of cassandra.yaml")
            from_file = {}
        variables = sorted(
            (name, text)
            for name, text in self._environment.items()
            if name.startswith(YAML_PREFIX) and name not in NAMES and text
        )
        keys = ((f"{YAML_KEY}: {_shown(key)}", key, value, False) for key, value in from_file.items())
        keys_of_variables = (
            (name, name.removeprefix(YAML_PREFIX).lower(), text, True) for name, text in variables
        )
        entries = {
            **{key: cassandra_yaml.Entry(key, key, value) for key, value in cassandra_yaml.DEFAULTS.items()},
            **self._checked(key for key in keys if key[2] is not None),
            **self._checked(keys_of_variables),
        }
        return {entry.key: entry.value for entry in entries.values()}

    def _known(self, path: Path) -> dict[str, Any]:
        """The file's values; a key without a value counts as not set."""
        data = self._parsed(path)
        for key in data:
            if key not in KEYS:
                self.errors.append(f"{_shown(key)} is no setting, but {path} has it: correct or remove it")
        return {key: value for key, value in data.items() if key in KEYS and value is not None}

    def _parsed(self, path: Path) -> dict[Any, Any]:
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            self.errors.append(f"{path} cannot be read: {error.strerror or error}")
            return {}
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self.errors.append(f"{path} is not YAML: {' '.join(str(error).split())}")
            return {}
        if not isinstance(data, dict | None):
            self.errors.append(f"{path} is not a map of settings: --print-default-config shows one")
        return data if isinstance(data, dict) else {}

    def _value(self, setting: Setting, default: Any) -> Any:
        found = self._found(setting)
        if found is None:
            return default
        where, value, is_text = found
        try:
            return _normal(setting, _read(setting.kind, value, is_text))
        except ValueError as error:
            self.wrong.add(setting.name)
            shown = MASK if setting.secret else _shown(value)
            self.errors.append(_broken(where, shown, setting.kind, error))
            return default

    def _found(self, setting: Setting) -> tuple[str, Any, bool] | None:
        """Where the value stands, the value, and whether it is text of the environment; None when not set."""
        text = self._environment.get(setting.name)
        if text or (text is not None and _takes_nothing(setting)):
            return setting.name, text, True
        value = self._file.get(setting.key)
        if value is not None and (value != "" or _takes_nothing(setting)):
            return setting.key, value, False
        return None

    def _checked(self, given: Iterable[tuple[str, Any, Any, bool]]) -> dict[str, cassandra_yaml.Entry]:
        """Entries by today's names, of keys given with where they stand and whether they are text."""
        found: dict[str, cassandra_yaml.Entry] = {}
        for where, key, value, is_text in given:
            try:
                entry = cassandra_yaml.read(key, value, is_text)
            except cassandra_yaml.Refused as error:
                self.errors.append(f"{where} {error}")
                continue
            except ValueError as error:
                self.errors.append(_broken(where, _shown(value), cassandra_yaml.kind_of(key), error))
                continue
            if entry.name in found:
                self.errors.append(f"{where} is given twice, as {entry.name} too: remove one of the two")
            found[entry.name] = entry
        return found


def _read(kind: Kind, value: Any, is_text: bool) -> Any:
    return kind.from_text(value) if is_text else kind.from_yaml(value)


def _normal(setting: Setting, value: Any) -> Any:
    """Checksums are compared as text, so they have one spelling."""
    return value.lower() if setting.name.endswith("_SHA512") else value


def _takes_nothing(setting: Setting) -> bool:
    """Whether an empty text is a value of this setting, rather than none given."""
    if setting.derive:
        return False
    try:
        setting.kind.from_text("")
    except ValueError:
        return False
    return True


def _broken(where: str, shown: str, kind: Kind, error: ValueError) -> str:
    reason = f": {_one_line(str(error))}" if isinstance(error, ConstraintError) else ""
    return f"{where}={shown} is not {kind.rule}{reason}"


def _shown(value: object) -> str:
    """A value as it stands in an error: one short line, without passwords."""
    text = value if isinstance(value, str) and value else repr(value)
    text = masked(_one_line(text))
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def _one_line(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _running_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
