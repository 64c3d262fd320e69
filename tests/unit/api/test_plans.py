"""Plans over HTTP: their codes, their form, and the orders they take."""

from dataclasses import replace

import pytest

from scheduler.model.event import ForceComplete, Interrupt, Proceed, RestartStep
from tests.unit.api.service import MemoryService, client, deployed


def test_a_plan_in_progress_answers_202() -> None:
    service = MemoryService()
    service.cluster.subscribe()
    answer = client(service).get("/v1/plan")
    assert (answer.status_code, answer.json["status"]) == (202, "WAITING")


def test_a_complete_plan_answers_200_and_shows_every_node_in_order() -> None:
    answer = client(deployed()).get("/v1/plan")
    assert answer.status_code == 200
    assert [phase["name"] for phase in answer.json["phases"]] == ["Reconciliation", "Deploy"]
    steps = answer.json["phases"][1]["steps"]
    assert [step["name"] for step in steps] == ["node-0", "node-1", "node-2"]
    assert set(steps[0]) == {
        "id",
        "name",
        "status",
        "message",
        "started_at",
        "ended_at",
        "attempts",
        "waiting_for",
        "deadline",
    }
    assert steps[0]["ended_at"].startswith("1970-01-01T00:16:") and steps[0]["ended_at"].endswith("Z")


def test_a_plan_with_errors_answers_417_and_says_which() -> None:
    service = deployed()
    service.cluster.world = replace(service.cluster.world, errors=("NODES cannot go down",))
    answer = client(service).get("/v1/plan")
    assert answer.status_code == 417
    assert (answer.json["status"], answer.json["errors"]) == ("ERROR", ["NODES cannot go down"])


def test_errors_of_one_plan_do_not_change_the_code_of_another() -> None:
    service = deployed()
    service.cluster.world = replace(service.cluster.world, errors=("NODES cannot go down",))
    assert client(service).get("/v1/plans/recovery").status_code == 200


def test_an_interrupted_plan_that_is_not_complete_answers_202() -> None:
    service = MemoryService()
    service.cluster.subscribe()
    http = client(service)
    http.post("/v1/plan?cmd=interrupt")
    answer = http.get("/v1/plan")
    assert (answer.status_code, answer.json["interrupted"]) == (202, True)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("cmd", "command"), [("interrupt", Interrupt), ("proceed", Proceed), ("continue", Proceed)]
)
def test_every_cmd_is_taken_by_both_methods(method: str, cmd: str, command: type) -> None:
    service = deployed()
    answer = client(service).open(f"/v1/plan?cmd={cmd}", method=method)
    assert (answer.status_code, answer.json) == (200, {"message": f"Received cmd: {cmd}"})
    assert service.commands == [command("deploy")]


@pytest.mark.parametrize("path", ["/v1/plan/interrupt", "/v1/plans/deploy/interrupt"])
def test_the_predecessors_paths_interrupt_too(path: str) -> None:
    service = deployed()
    assert client(service).post(path).json == {"message": "Received cmd: interrupt"}
    assert service.commands == [Interrupt("deploy")]


def test_the_verbs_work_on_each_plan() -> None:
    service = deployed()
    client(service).post("/v1/plans/recovery/interrupt")
    assert service.commands == [Interrupt("recovery")]
    assert client(service).get("/v1/plans/recovery").json["interrupted"] is True


def test_a_step_is_forced_or_restarted_by_name_or_id() -> None:
    service = deployed()
    http = client(service)
    phase = http.get("/v1/plan").json["phases"][1]
    step = phase["steps"][1]["id"]
    assert http.post("/v1/plan/forceComplete?phase=Deploy&step=node-1").status_code == 200
    assert http.post(f"/v1/plans/deploy/restart?phase={phase['id']}&step={step}").status_code == 200
    assert service.commands == [
        ForceComplete("deploy", "Deploy", "node-1"),
        RestartStep("deploy", phase["id"], step),
    ]


@pytest.mark.parametrize(
    ("path", "code", "word"),
    [
        ("/v1/plan?cmd=stop", 400, "stop"),
        ("/v1/plan", 400, "cmd"),
        ("/v1/plan?cmd=", 400, "cmd"),
        ("/v1/plan?cmd=interrupt&phase=x", 400, "phase"),
        ("/v1/plan?cmd=interrupt&cmd=proceed", 400, "cmd"),
        ("/v1/plan/interrupt?force=true", 400, "force"),
        ("/v1/plan/restart", 400, "phase"),
        ("/v1/plan/restart?phase=Nothing", 404, "Nothing"),
        ("/v1/plan/restart?phase=Deploy&step=node-9", 404, "node-9"),
        ("/v1/plans/recovery/restart?phase=Recovery", 409, "recovery"),
        ("/v1/plans/nothing/interrupt", 404, "nothing"),
        ("/v1/plans/nothing?cmd=interrupt", 404, "nothing"),
        ("/v1/plan/start", 404, "path"),
    ],
)
def test_an_order_that_does_not_fit_is_refused_in_a_sentence(path: str, code: int, word: str) -> None:
    service = deployed()
    answer = client(service).post(path)
    assert (answer.status_code, service.commands) == (code, [])
    assert word in answer.json["message"]


def test_plans_are_listed_by_name() -> None:
    http = client(deployed())
    assert http.get("/v1/plans").json == ["deploy", "recovery"]
    assert http.get("/v1/plans/nothing").status_code == 404
