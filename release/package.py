"""The generated half of the DC/OS package: config.json and marathon.json.mustache, from the settings' table.

``make generate`` writes both into ``universe/``; package.json and resource.json beside them are written by
hand. In the template every value stands in three braces: DC/OS escapes strings for JSON itself, and other
renderers would escape them for HTML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from release.options import YAML_GROUP, Option, options

Json = Any

UNIVERSE = Path(__file__).resolve().parent.parent / "universe"

TITLES = {
    "service": "The service as Mesos, ZooKeeper and Marathon know it",
    "mesos": "Mesos and ZooKeeper",
    "api": "The REST API",
    "nodes": "The nodes and where they may run",
    "cassandra": "Cassandra on each node; a change restarts the nodes one by one",
    YAML_GROUP: "Keys of cassandra.yaml; those that are not set have Cassandra's own defaults",
    "operations": "Backups, other data centers, logs",
}

OWN: dict[str, dict[str, Json]] = {
    "service": {
        "cpus": {
            "type": "number",
            "minimum": 0.1,
            "maximum": 64,
            "default": 0.5,
            "description": "Cores of the scheduler.",
        },
        "mem": {
            "type": "integer",
            "minimum": 256,
            "maximum": 65536,
            "default": 512,
            "description": "Memory of the scheduler, in MB.",
        },
        "standby": {
            "type": "boolean",
            "default": False,
            "description": "Whether a second scheduler stands by on another agent, to take over at once.",
        },
        "service_account_secret": {
            "type": "string",
            "maxLength": 1024,
            "default": "",
            "description": "Path of the secret with the password of the service account at Mesos, "
            "where Mesos asks frameworks to log in.",
        },
        "docker_image": {
            "type": "string",
            "maxLength": 1024,
            "default": "",
            "description": "Image to run the scheduler from, instead of the tarball and the agent's python3.",
        },
    },
    "api": {
        "tokens_secret": {
            "type": "string",
            "maxLength": 1024,
            "default": "",
            "description": "Path of the secret with the tokens of api.auth token; else api.tokens_file.",
        },
    },
}
"""Options of the package alone: what Marathon has to know."""

SECRETS = {"service.service_account_secret": "SERVICE_SECRET", "api.tokens_secret": "API_TOKENS"}
"""Options that name a secret, and the variable from which the command writes it into a file."""

FILES = {"SERVICE_SECRET": "SERVICE_SECRET_FILE", "API_TOKENS": "API_TOKENS_FILE"}
"""The setting that is then that file, which has the variable's name."""

FIXED = {"API_PORT"}
"""Variables that the command sets, from what Marathon gives."""


def config() -> Json:
    """config.json: a schema of all options."""
    groups: dict[str, Json] = {
        name: {"type": "object", "description": title, "additionalProperties": False, "properties": {}}
        for name, title in TITLES.items()
    }
    for option in options():
        group = groups[option.group]
        group["properties"][option.key] = option.schema
        if option.required:
            group.setdefault("required", []).append(option.key)
    for name, own in OWN.items():
        groups[name]["properties"].update(own)
    for group in groups.values():
        group["properties"] = dict(sorted(group["properties"].items()))
    required = [name for name, group in groups.items() if "required" in group]
    return {"type": "object", "additionalProperties": False, "properties": groups, "required": required}


def template() -> str:
    """marathon.json.mustache."""
    return TEMPLATE.replace("@COMMAND@", json.dumps(_command())).replace("@ENV@", ",\n".join(_environment()))


def _command() -> str:
    """Secrets are left in files that only the scheduler's user reads, and taken from its environment."""
    writes = [
        f'{{{{#{option}}}}}printf %s "${name}" > {name}; {{{{/{option}}}}}'
        for option, name in SECRETS.items()
    ]
    unset = " ".join(f"-u {name}" for name in SECRETS.values())
    image = "service.docker_image"
    where = f"{{{{#{image}}}}}/opt{{{{/{image}}}}}{{{{^{image}}}}}.{{{{/{image}}}}}"
    return (
        f"umask 077; {''.join(writes)}exec env {unset} API_PORT=$PORT_API "
        f"SERVICE_UNINSTALL=${{SDK_UNINSTALL:-false}} {where}/cassandra-mesos/bin/cassandra-scheduler"
    )


def _environment() -> Iterator[str]:
    for path, name in SECRETS.items():
        secret = f'{{{{#{path}}}}}"{name}": {{"secret": "{name.lower()}"}},{{{{/{path}}}}}'
        yield f'    {secret}\n    "{FILES[name]}": "{_file(path, name)}"'
    for option in options():
        if option.variable not in (*FIXED, *FILES.values()):
            yield f'    "{option.variable}": "{{{{{{{_path(option)}}}}}}}"'


def _file(path: str, name: str) -> str:
    """The file that the command writes; without a secret, the one that an option of its own names, if any."""
    named = "".join(f"{{{{{{{_path(option)}}}}}}}" for option in options() if option.variable == FILES[name])
    return f"{{{{#{path}}}}}{name}{{{{/{path}}}}}{{{{^{path}}}}}{named}{{{{/{path}}}}}"


def _path(option: Option) -> str:
    return f"{option.group}.{option.key}"


TEMPLATE = """\
{
  "id": "/{{{service.name}}}",
  "cmd": @COMMAND@,
  "user": "{{{service.user}}}",
  "instances": {{#service.standby}}2{{/service.standby}}{{^service.standby}}1{{/service.standby}},
  "constraints": [["hostname", "UNIQUE"]],
  "cpus": {{{service.cpus}}},
  "mem": {{{service.mem}}},
{{#service.docker_image}}
  "container": {
    "type": "MESOS",
    "docker": { "image": "{{{service.docker_image}}}" }
  },
{{/service.docker_image}}
{{^service.docker_image}}
  "fetch": [
    { "uri": "{{{resource.assets.uris.scheduler-tarball}}}", "extract": true, "cache": false }
  ],
{{/service.docker_image}}
  "secrets": {
{{#service.service_account_secret}}
    "service_secret": { "source": "{{{service.service_account_secret}}}" }
    {{#api.tokens_secret}},{{/api.tokens_secret}}
{{/service.service_account_secret}}
{{#api.tokens_secret}}
    "api_tokens": { "source": "{{{api.tokens_secret}}}" }
{{/api.tokens_secret}}
  },
  "env": {
@ENV@
  },
  "portDefinitions": [
    { "name": "api", "port": {{{api.port}}}, "protocol": "tcp" }
  ],
  "requirePorts": true,
  "healthChecks": [
    {
      "protocol": "MESOS_HTTP{{#api.tls_cert}}S{{/api.tls_cert}}",
      "path": "/v1/health",
      "portIndex": 0,
      "gracePeriodSeconds": 120,
      "intervalSeconds": 30,
      "timeoutSeconds": 10,
      "maxConsecutiveFailures": 0
    }
  ],
  "readinessChecks": [
    {
      "name": "serving",
      "protocol": "HTTP{{#api.tls_cert}}S{{/api.tls_cert}}",
      "path": "/v1/health",
      "portName": "api",
      "intervalSeconds": 10,
      "timeoutSeconds": 5,
      "httpStatusCodesForReady": [200]
    }
  ],
  "upgradeStrategy": { "minimumHealthCapacity": 0, "maximumOverCapacity": 0 },
  "taskKillGracePeriodSeconds": 15,
  "labels": {
{{^service.standby}}
    "MARATHON_SINGLE_INSTANCE_APP": "true",
{{/service.standby}}
    "DCOS_COMMONS_API_VERSION": "v1",
    "DCOS_COMMONS_UNINSTALL": "true",
    "DCOS_PACKAGE_FRAMEWORK_NAME": "{{{service.name}}}",
    "DCOS_SERVICE_NAME": "{{{service.name}}}",
    "DCOS_SERVICE_PORT_INDEX": "0",
    "DCOS_SERVICE_SCHEME": "http{{#api.tls_cert}}s{{/api.tls_cert}}"
  }
}
"""


def generated() -> dict[Path, str]:
    """The generated files and what is in them."""
    schema = json.dumps(config(), indent=2, ensure_ascii=False) + "\n"
    return {UNIVERSE / "config.json": schema, UNIVERSE / "marathon.json.mustache": template()}
