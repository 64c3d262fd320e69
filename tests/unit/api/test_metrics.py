"""The metrics, by Prometheus' own reader; and what the dashboard and the alerts ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from api.auth.tokens import read_tokens
from api.metrics.families import PREFIX
from protocol.maintenance import Progress
from scheduler.daemon.counts import CountingMesos, Counts
from scheduler.mesos.driver import CallFailed
from scheduler.model.event import OffersReceived
from scheduler.model.intent import Accept, Decline, Intent, Launch
from scheduler.model.operation import Operation, Part
from scheduler.model.task import TaskUpdate
from tests.unit.api.service import MemoryService, client, deployed
from tests.unit.decide.cluster import offer

CONF = Path(__file__).parents[3] / "conf"
OF_PROMETHEUS = {"up"}
ADDED = {"le", "instance", "job"}
"""Labels of histograms, and those that Prometheus adds by itself."""

Samples = dict[str, list[dict[str, str]]]


def family_names(service: MemoryService) -> dict[str, str]:
    text = client(service).get("/metrics").get_data(as_text=True)
    return {family.name: family.type for family in text_string_to_metric_families(text)}


def samples(service: MemoryService) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    calls = client(service)
    calls.get("/v1/plan")
    text = calls.get("/metrics").get_data(as_text=True)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def busy() -> MemoryService:
    """A service of which there is a sample of every metric."""
    service = deployed()
    service.counts.updates["TASK_RUNNING"] = 3
    done = Operation("a", 1, "repair", {"k": ("t",)}, (Part(0, done=True),), 1000.0, ended_at=1001.0)
    failed = replace(done, id="b", number=2, failed="it did not work")
    uploaded = Part(0, "Upload", done=True, progress=Progress(bytes_total=7_000, files_total=3))
    saved = replace(done, id="c", number=3, kind="backup", parts=(uploaded,))
    ledger = replace(service.world().ledger, operations={"a": done, "b": failed, "c": saved})
    service.cluster.world = replace(service.world(), ledger=ledger)
    return service


def value(service: MemoryService, name: str, **labels: str) -> float:
    return samples(service)[PREFIX + name, tuple(sorted(labels.items()))]


def test_the_metrics_tell_of_nodes_plans_and_the_service() -> None:
    service = deployed()
    assert value(service, "leader") == 1
    assert value(service, "nodes_up") == value(service, "nodes_expected") == 3
    assert value(service, "node_up", node="node-2") == 1
    assert value(service, "plan_status", plan="deploy", status="COMPLETE") == 1
    assert value(service, "plan_status", plan="deploy", status="PENDING") == 0
    assert value(service, "plan_steps", plan="deploy", status="COMPLETE") == 4
    service.cluster.update(2, "TASK_FAILED")
    assert value(service, "node_up", node="node-2") == 0
    assert value(service, "nodes_up") == 2


def test_the_last_backup_is_told_with_its_age_and_size() -> None:
    service = busy()
    assert value(service, "backup_last_success_timestamp_seconds") == 1001.0
    assert (value(service, "backup_last_bytes"), value(service, "backup_last_files")) == (7_000, 3)
    assert f"{PREFIX}backup_last_bytes" not in family_names(deployed())


def test_calls_are_counted_by_route_and_status() -> None:
    service = deployed()
    calls = client(service)
    for path in ("/v1/nodes/0/info", "/v1/nodes/1/info", "/v1/nodes/9/info", "/nothing"):
        calls.get(path)
    text = calls.get("/metrics").get_data(as_text=True)
    name = f"{PREFIX}api_requests_total"
    assert f'{name}{{code="200",method="GET",route="/v1/nodes/<name>/info"}} 2.0' in text
    assert f'{name}{{code="404",method="GET",route="/v1/nodes/<name>/info"}} 1.0' in text
    assert f'{name}{{code="404",method="any",route="none"}} 1.0' in text
    assert f"{PREFIX}api_requests_in_progress 1.0" in text


def test_an_instance_that_does_not_lead_tells_what_it_knows() -> None:
    service = MemoryService(unread="waiting to become leader", leader="http://10.0.0.1:9000")
    names = family_names(service)
    assert value(service, "leader") == 0
    assert f"{PREFIX}node_up" not in names


def test_metrics_need_a_token_only_where_that_was_asked_for() -> None:
    tokens = read_tokens("alice read-only 0123456789abcdef")
    service = deployed()
    assert client(service, tokens).get("/metrics").status_code == 200
    service.settings = replace(service.settings, metrics_auth=True)
    assert client(service, tokens).get("/metrics").status_code == 401


class Refusing:
    """A Mesos that takes no declines."""

    def perform(self, intent: Intent) -> None:
        if isinstance(intent, Decline):
            raise CallFailed("no")

    def acknowledge(self, update: TaskUpdate) -> None:
        raise NotImplementedError

    def reconnect(self) -> None:
        raise NotImplementedError


def test_only_what_was_carried_out_is_counted() -> None:
    counts, heard = Counts(), list[Intent]()
    mesos = CountingMesos(Refusing(), counts, heard.append)
    service = deployed(0)
    launches = [i for i in service.cluster.offers(offer(1)) if isinstance(i, Accept)]
    counts.happened(OffersReceived((offer(1), offer(2))))
    mesos.perform(launches[0])
    with pytest.raises(CallFailed):
        mesos.perform(Decline(("O2-0",), 5.0))
    assert dict(counts.offers) == {"received": 2, "accepted": 1}
    assert counts.operations["launch"] == len(
        [one for one in launches[0].operations if isinstance(one, Launch)]
    )
    assert (counts.failed_calls, heard) == (1, launches[:1])


def test_names_are_as_prometheus_would_have_them() -> None:
    for name, kind in family_names(busy()).items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        if name.startswith(PREFIX):
            assert kind in ("gauge", "counter", "histogram", "summary")
            assert not re.search(r"_(ms|millis|minutes|kb|mb|percent)$", name)


def existing() -> Samples:
    found: Samples = {}
    for name, labels in samples(busy()):
        found.setdefault(name, []).append(dict(labels))
    return found


def alert_expressions() -> Iterator[str]:
    for group in yaml.safe_load((CONF / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("critical", "warning", "info")
            assert {"summary", "description"} == rule["annotations"].keys()
            yield rule["expr"]


def dashboard_expressions() -> Iterator[str]:
    for panel in json.loads((CONF / "grafana-dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                assert label in labels_of(target["expr"]) | ADDED


def labels_of(expression: str) -> set[str]:
    known = existing()
    names = re.findall(rf"\b(?:{PREFIX}|process_)\w+", expression)
    return {label for name in names for labels in known[name] for label in labels}


@pytest.mark.parametrize("expressions", [alert_expressions, dashboard_expressions])
def test_what_is_asked_for_exists(expressions: object) -> None:
    known = existing()
    asked = list(expressions())  # type: ignore[operator]
    assert asked
    for expression in asked:
        names = re.findall(rf"\b(?:{PREFIX}|process_)\w+", expression)
        assert names, expression
        for name in names:
            assert name in known, f"{name} in {expression}"
        for name, selector in re.findall(r"(\w+){([^}]*)}", expression):
            for label, operator, wanted in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', selector):
                values = {labels.get(label) for labels in known[name]}
                assert values != {None}, f"{name} has no label {label}"
                if operator == "=" and label != "code":
                    assert wanted in values, f"{name} has no {label} {wanted}"
        for labels in re.findall(r"(?:by|on) \(([^)]*)\)", expression):
            assert {label.strip() for label in labels.split(",")} <= labels_of(expression) | ADDED


def test_the_dashboard_shows_each_panel_in_a_place_of_its_own() -> None:
    panels = json.loads((CONF / "grafana-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(places)) == len(places)
