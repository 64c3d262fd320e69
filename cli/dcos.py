"""The DC/OS CLI's own configuration: the cluster that it is attached to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib

from cli.failure import WRONG, Failure

FILE = "dcos.toml"


@dataclass(frozen=True)
class DcosCluster:
    """What it knows of a cluster. ``verify`` is whether to check certificates, or a file of CAs to check by.

    ``service_url`` and ``service_name`` are those that ``dcos config set cassandra.url …`` has set.
    """

    url: str
    token: str | None = None
    verify: bool | Path = True
    service_url: str | None = None
    service_name: str | None = None


def attached(environment: Mapping[str, str]) -> DcosCluster | None:
    """The attached cluster; None where there is none. Raises Failure where its file cannot be read."""
    file = _file(environment)
    return None if file is None else _read(file)


def _file(environment: Mapping[str, str]) -> Path | None:
    if environment.get("DCOS_CONFIG"):
        return Path(environment["DCOS_CONFIG"])
    folder = Path(environment.get("DCOS_DIR") or Path(environment.get("HOME", "/")) / ".dcos")
    files = sorted(folder.glob(f"clusters/*/{FILE}"))
    chosen = _chosen(files, environment.get("DCOS_CLUSTER"))
    old = folder / FILE  # of a DC/OS CLI that knew one cluster only
    return chosen or (old if old.is_file() else None)


def _chosen(files: list[Path], wanted: str | None) -> Path | None:
    """The file of the wanted cluster, else of the attached one, else of the only one."""
    if wanted:
        named = [file for file in files if wanted in (file.parent.name, _name(file))]
        if not named:
            raise Failure(f"DCOS_CLUSTER is {wanted}, and the DC/OS CLI knows no cluster of that name", WRONG)
        return named[0]
    marked = [file for file in files if (file.parent / "attached").exists()]
    return marked[0] if marked else files[0] if len(files) == 1 else None


def _name(file: Path) -> str | None:
    name = _section(_load(file), "cluster").get("name")
    return name if isinstance(name, str) else None


def _read(file: Path) -> DcosCluster | None:
    content = _load(file)
    core, own = _section(content, "core"), _section(content, "cassandra")
    url = core.get("dcos_url")
    if not isinstance(url, str) or not url:
        return None
    return DcosCluster(
        url.rstrip("/"),
        core.get("dcos_acs_token"),
        _verification(core.get("ssl_verify", True)),
        own.get("url"),
        own.get("service_name"),
    )


def _verification(value: object) -> bool | Path:
    """The CLI writes true, false or a path, as a string in files of old."""
    text = str(value)
    return text.lower() == "true" if text.lower() in ("true", "false") else Path(text).expanduser()


def _load(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", WRONG) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(f"{file} is not valid TOML: {error}", WRONG) from None


def _section(content: dict[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}
