"""conf/marathon.json: valid for Marathon, and its environment for the scheduler."""

from __future__ import annotations

from release.requirements import PROJECT
from release.tarball import version
from scheduler.daemon import configuration
from tests.unit.release.schemas import APP, problems, read

MARATHON = PROJECT / "conf" / "marathon.json"


def test_the_app_is_valid() -> None:
    assert problems(read(MARATHON), read(APP)) == []


def test_two_instances_of_the_app_are_valid_without_the_label_that_forbids_them() -> None:
    app = read(MARATHON)
    assert app["labels"].pop("MARATHON_SINGLE_INSTANCE_APP") == "true"
    assert problems({**app, "instances": 2, "constraints": [["hostname", "UNIQUE"]]}, read(APP)) == []


def test_the_scheduler_takes_the_apps_environment() -> None:
    app = read(MARATHON)
    port = str(app["portDefinitions"][0]["port"])
    settings = configuration.load({**app["env"], "API_PORT": port, "MARATHON_APP_ID": app["id"]}, None)
    assert settings.service.name == app["labels"]["DCOS_SERVICE_NAME"] == app["id"].strip("/")


def test_the_app_fetches_the_tarball_of_this_version() -> None:
    assert f"/cassandra-mesos-{version()}-py3." in read(MARATHON)["fetch"][0]["uri"]
