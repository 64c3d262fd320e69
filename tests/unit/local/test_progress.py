"""Progress as it is read from the scheduler's answers."""

from __future__ import annotations

from typing import Any

from local.progress import Step, read

Answer = tuple[int, Any]


def step(name: str, status: str, message: str = "") -> dict[str, str]:
    return {"name": name, "status": status, "message": message}


def plan(*steps: dict[str, str], errors: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"phases": [{"name": "Deploy", "steps": list(steps)}], "errors": list(errors)}


NOTHING = (200, {"phases": [{"name": "Recovery", "steps": []}], "errors": []})


def test_all_is_complete_when_both_plans_are() -> None:
    found = read([(200, plan(step("node-0", "COMPLETE"))), NOTHING])
    assert found.complete
    assert found.steps == (Step("Deploy", "node-0", "COMPLETE", ""),)


def test_a_node_to_recover_is_waited_for_although_deploy_is_complete() -> None:
    recovery = {"phases": [{"name": "Recovery", "steps": [step("node-1", "STARTING")]}], "errors": []}
    found = read([(200, plan(step("node-0", "COMPLETE"))), (202, recovery)])
    assert not found.complete
    assert [step.name for step in found.steps] == ["node-0", "node-1"]


def test_only_the_first_line_of_a_message_is_told() -> None:
    found = read([(202, plan(step("node-0", "DELAYED", "ended with 1\nERROR in line 1"))), NOTHING])
    assert found.steps[0].message == "ended with 1"


def test_errors_of_a_plan_are_told() -> None:
    found = read([(417, plan(errors=("CASSANDRA_DISK_MB cannot change",))), NOTHING])
    assert found.errors == ("CASSANDRA_DISK_MB cannot change",)
    assert not found.complete


def test_a_step_in_error_is_an_error_with_its_reason() -> None:
    found = read([(417, plan(step("node-0", "ERROR", "no such keyspace"))), NOTHING])
    assert found.errors == ("node-0: no such keyspace",)


def test_no_answer_is_no_error() -> None:
    found = read([(0, None), (0, None)])
    assert (found.complete, found.errors, found.steps) == (False, (), ())
    assert "does not answer" in found.reason


def test_a_scheduler_that_does_not_lead_yet_says_why() -> None:
    found = read([(503, {"message": "not the leader: connecting to ZooKeeper"}), (503, None)])
    assert found.reason == "not the leader: connecting to ZooKeeper"


def test_an_answer_that_is_no_plan_is_told_by_its_status() -> None:
    assert read([(500, None), NOTHING]).reason == "the scheduler answers 500"
