"""Arguments of ``python -m local ctl``, as far as they are looked at before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.cli import main


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fresh", "--agents", "0"], "0 is not a number from 1 to 250"),
        (["fresh", "--agents", "two"], "two is not a number from 1 to 250"),
        (["fresh", "--resources", "[{"], "the resources are not a JSON list"),
        (["fresh", "--master-flag", "offer_timeout"], "offer_timeout is not K=V"),
        (["fresh", "--agent-flag", "=5secs"], "=5secs is not K=V"),
        (["fresh", "--agent-flag-for", "gc_delay=5secs"], "gc_delay=5secs is not I:K=V"),
        (["start-agent", "one"], "invalid int value: 'one'"),
        (["bounce-master"], "invalid choice: 'bounce-master'"),
    ],
)
def test_arguments_that_are_not_valid_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["ctl", *arguments, *(["--data", str(tmp_path)] if arguments[0] != "bounce-master" else [])])
    assert told in capsys.readouterr().err


def test_a_flag_for_an_agent_that_there_is_not_exits_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--agents", "2", "--agent-flag-for", "3:gc_delay=5secs"]
    assert main(["ctl", "fresh", *flags, "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "--agent-flag-for: there is no agent 3 of 2\n"


@pytest.mark.parametrize("verb", [["info"], ["start-master"], ["kill-agent", "1"]])
def test_a_verb_needs_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: list[str]) -> None:
    assert main(["ctl", *verb, "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"there is no cluster in {tmp_path}: fresh makes one\n"


def test_down_leaves_what_is_not_the_clusters(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    assert main(["ctl", "down", "--data", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
