"""The commands, against the real API over a service in memory."""

import json
from collections.abc import Callable, Iterator

import pytest

from cli import waiting
from cli.__main__ import main
from cli.failure import FORBIDDEN, REFUSED, UNREACHED, WRONG
from scheduler.model.event import (
    ForceComplete,
    Interrupt,
    Proceed,
    ReplaceNode,
    RestartNode,
    RestartStep,
    StartOperation,
    StopOperation,
)
from tests.unit.api.service import MemoryService, deployed
from tests.unit.cli.served import Stranger, api, serving

Run = Callable[..., int]


@pytest.fixture
def service() -> MemoryService:
    return deployed()


@pytest.fixture
def run(service: MemoryService, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs the program on the service; its exit code."""
    with serving(api(service)) as url:
        monkeypatch.setenv("DCOS_CASSANDRA_URL", url)
        yield lambda *arguments: main(list(arguments))


def test_the_plan_is_shown_with_what_waits_for_what(capsys: pytest.CaptureFixture[str]) -> None:
    service = MemoryService()
    service.cluster.subscribe()
    with serving(api(service)) as url:
        assert main(["--url", url, "plan", "show"]) == 0
    shown = capsys.readouterr().out
    assert "deploy: WAITING" in shown
    assert "node-0: WAITING" in shown
    assert "node-1: PENDING  node-0 comes first" in shown


def test_json_is_the_services_own_answer(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--json", "plan", "show"], ["plan", "show", "--json"]):
        assert run(*arguments) == 0
        assert json.loads(capsys.readouterr().out)["name"] == "deploy"


def test_the_dcos_cli_puts_the_word_first_by_which_it_found_the_program(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cassandra", "plan", "list") == 0
    assert capsys.readouterr().out == "deploy\nrecovery\n"
    assert run("cassandra", "--info") == 0
    assert capsys.readouterr().out == "Manage Apache Cassandra on Mesos\n"
    assert run("cassandra", "--config-schema") == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"
    assert run("cassandra", "--version") == 0
    assert "version" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["plan", "interrupt"], Interrupt("deploy")),
        (["plan", "proceed", "recovery"], Proceed("recovery")),
        (["plan", "force", "Deploy", "node-0"], ForceComplete("deploy", "Deploy", "node-0")),
        (["plan", "restart", "Deploy", "node-1"], RestartStep("deploy", "Deploy", "node-1")),
        (["node", "restart", "1"], RestartNode("node-1")),
        (["node", "replace", "node-2", "--force", "--yes"], ReplaceNode("node-2", True)),
    ],
)
def test_orders_arrive(run: Run, service: MemoryService, arguments: list[str], command: object) -> None:
    assert run(*arguments) == 0
    assert service.commands == [command]


def test_nothing_is_destroyed_unless_somebody_confirms(
    run: Run, service: MemoryService, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("node", "replace", "2", "--force") == WRONG
    assert "--yes" in capsys.readouterr().err
    assert service.commands == []


def test_nodes_are_listed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("node", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[1].split()[:4] == ["node-0", "TASK_RUNNING", "NORMAL", "10.0.0.1"]
    assert run("node", "info", "0") == run("node", "status", "0") == 0


def test_a_node_that_does_not_answer_can_be_asked_again(
    run: Run, service: MemoryService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.silent_nodes = True
    assert run("node", "status", "0") == UNREACHED
    assert capsys.readouterr().err == "node-0 did not answer within 1 s\n"


def test_addresses_can_be_piped(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("connection", "address") == 0
    assert capsys.readouterr().out == "10.0.0.1:9042\n10.0.0.2:9042\n10.0.0.3:9042\n"
    assert run("connection", "vip") == REFUSED


def test_maintenance_is_started_watched_and_stopped(
    run: Run, service: MemoryService, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("repair", "status") == 0
    assert capsys.readouterr().out == "there has been no repair\n"
    assert run("repair", "start", "--nodes", "0,node-1", "--key-spaces", "other", "--intensity", "0.5") == 0
    (order,) = service.commands
    assert isinstance(order, StartOperation)
    assert (order.nodes, dict(order.tables)) == ((0, 1), {"other": ("my_cf_1", "t")})
    assert order.repair.intensity == 0.5
    assert run("cleanup", "start") == REFUSED
    assert run("repair", "status") == run("repair", "stop") == 0
    assert service.commands[-1] == StopOperation("repair")


def test_what_the_service_refuses_is_said_in_its_words(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("repair", "start", "--key-spaces", "nothing") == REFUSED
    assert capsys.readouterr().err == "there is no keyspace nothing\n"


def test_arguments_that_are_not_valid_are_2(run: Run) -> None:
    assert run("plan", "explode") == run("--nothing") == run("node", "info") == WRONG


def operation(status: str, percent: float, **more: object) -> tuple[int, str]:
    parts = {"node-0": {"phase": "Upload", "status": "IN_PROGRESS", "percent": percent, "message": "uploads"}}
    values = {"id": "b-1", "kind": "backup", "status": status, "message": "", "nodes": parts, **more}
    return 200, json.dumps({**values, "progress": {"percent": percent}})


KEYS = {"AWS_ACCESS_KEY_ID": "AKEXAMPLE", "AWS_SECRET_ACCESS_KEY": "very-secret"}


def run_backup(stranger: Stranger, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.001)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with serving(stranger.app) as url:
        return main(["--url", url, *arguments])


def test_a_backup_is_waited_for_over_a_change_of_leader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = (503, '{"message": "the leader is not known"}')
    stranger = Stranger(
        (202, '{"status": "started"}'), operation("running", 10), away, operation("complete", 100)
    )
    code = run_backup(stranger, monkeypatch, "backup", "start", "b", "--location", "s3://x", "--wait")
    told = capsys.readouterr()
    assert code == 0
    assert "10.0 %" in told.err
    assert "the leader is not known; asking again" in told.err
    assert "complete" in told.out
    assert stranger.asked[0][3] == {
        "backup_name": "b",
        "external_location": "s3://x",
        "s3_access_key": "AKEXAMPLE",
        "s3_secret_key": "very-secret",
    }
    assert "very-secret" not in told.out + told.err


@pytest.mark.parametrize("ending", ["failed", "stopped"])
def test_a_backup_that_does_not_end_well_is_1(
    ending: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = Stranger((202, "{}"), operation(ending, 10, message="the bucket is full"))
    code = run_backup(stranger, monkeypatch, "backup", "start", "b", "--location", "s3://x", "--wait")
    assert code == REFUSED
    assert f"the backup is {ending}: the bucket is full" in capsys.readouterr().err


def test_events_are_shown_and_a_cursor_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    event = {
        "at": "2026-01-01T00:00:00Z",
        "kind": "order",
        "subject": "node-1",
        "what": "node-1 is restarted",
        "why": "",
        "who": "ops",
        "from": "10.1.1.1",
        "cursor": "7",
    }
    stranger = Stranger((200, json.dumps({"events": [event], "cursor": "7"})))
    assert run_backup(stranger, monkeypatch, "events", "--since", "6") == 0
    assert "node-1 is restarted  (ops from 10.1.1.1)" in capsys.readouterr().out
    assert stranger.asked[0][1] == "/v1/events?since=6"


@pytest.mark.parametrize(
    ("answer", "code", "sentence"),
    [
        ((401, '{"message": "this call needs a token"}'), FORBIDDEN, "this call needs a token"),
        ((403, '{"message": "the token is read-only"}'), FORBIDDEN, "the token is read-only"),
        ((302, "<html>login"), REFUSED, "dcos auth login"),
        ((401, "<html>login"), FORBIDDEN, "dcos auth login"),
        ((404, "<html>not found"), REFUSED, "--name"),
        ((502, "<html>bad gateway"), UNREACHED, "answered 502"),
        ((200, "<html>a page"), REFUSED, "not as this service does"),
    ],
)
def test_what_a_proxy_answers_becomes_a_sentence(
    answer: tuple[int, str],
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_backup(Stranger(answer), monkeypatch, "plan", "show") == code
    assert sentence in capsys.readouterr().err


def test_the_token_goes_into_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCOS_CASSANDRA_TOKEN", "tok")
    stranger = Stranger((200, "[]"))
    assert run_backup(stranger, monkeypatch, "plan", "list") == 0
    assert stranger.asked[0][2]["Authorization"] == "token=tok"


def test_nobody_there_is_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://127.0.0.1:1", "plan", "list"]) == UNREACHED
    assert "cannot be reached" in capsys.readouterr().err


def test_names_of_nodes_are_completed(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_DCOS_CASSANDRA_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "dcos-cassandra node info node-")
    monkeypatch.setenv("COMP_CWORD", "3")
    with pytest.raises(SystemExit):
        run()
    assert capsys.readouterr().out.split() == ["plain,node-0", "plain,node-1", "plain,node-2"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_DCOS_CASSANDRA_COMPLETE" in capsys.readouterr().out
