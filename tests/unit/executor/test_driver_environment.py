"""What an agent says in the environment, and what is said of it when it is wrong."""

from __future__ import annotations

import pytest

from executor.environment import AgentEnvironment, ConfigurationError, parse_duration, read_environment

LEAST = {"MESOS_AGENT_ENDPOINT": "10.0.0.1:5051", "MESOS_FRAMEWORK_ID": "f", "MESOS_EXECUTOR_ID": "e"}


def test_an_environment_with_checkpointing() -> None:
    full = LEAST | {
        "MESOS_CHECKPOINT": "1",
        "MESOS_RECOVERY_TIMEOUT": "1.5hrs",
        "MESOS_SUBSCRIPTION_BACKOFF_MAX": "500ms",
        "MESOS_EXECUTOR_AUTHENTICATION_TOKEN": "geheim",
    }
    read = read_environment(full)
    assert read == AgentEnvironment("10.0.0.1:5051", "f", "e", True, 5400.0, 0.5, "geheim")
    assert "geheim" not in repr(read)


def test_what_is_not_said_has_mesos_defaults() -> None:
    assert read_environment(LEAST) == AgentEnvironment("10.0.0.1:5051", "f", "e", False, 900.0, 2.0, None)


def test_checkpointing_is_off_where_it_is_said_to_be() -> None:
    assert not read_environment(LEAST | {"MESOS_CHECKPOINT": "0"}).checkpoint


@pytest.mark.parametrize("name", sorted(LEAST))
@pytest.mark.parametrize("value", [None, ""])
def test_what_must_be_there_is_named(name: str, value: str | None) -> None:
    environment = {key: text for key, text in LEAST.items() if key != name}
    if value is not None:
        environment[name] = value
    with pytest.raises(ConfigurationError, match=f"{name} is not set"):
        read_environment(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MESOS_CHECKPOINT", "maybe"),
        ("MESOS_RECOVERY_TIMEOUT", "15"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2 parsecs"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "-2secs"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_environment(LEAST | {name: value})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3ns", 3e-9),
        ("3us", 3e-6),
        ("500ms", 0.5),
        ("2secs", 2.0),
        ("1.5secs", 1.5),
        ("15mins", 900.0),
        ("1hrs", 3600.0),
        ("1days", 86400.0),
        ("1weeks", 604800.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)
