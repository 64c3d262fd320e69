"""What is told of Cassandra's log when it has died."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.layout import Layout
from executor.logs import LogTail, last_error, last_lines

REFUSED = """\
INFO  [main] 2026-11-23 20:57:49,922 YamlConfigurationLoader.java:103 - Configuration location: file:/v
ERROR [main] 2026-11-23 20:57:50,049 CassandraDaemon.java:887 - Exception encountered during startup
org.apache.cassandra.exceptions.ConfigurationException: Invalid yaml: file:/v/etc/cassandra.yaml
	at org.apache.cassandra.config.YamlConfigurationLoader.loadConfig(YamlConfigurationLoader.java:148)
Caused by: org.yaml.snakeyaml.constructor.ConstructorException: Cannot create property=memtable_flush_writers
 in 'reader', line 2, column 1:
	... 7 common frames omitted
Caused by: java.lang.NumberFormatException: For input string: "x"
	at java.base/java.lang.Integer.parseInt(Integer.java:668)
	... 17 common frames omitted
INFO  [StorageServiceShutdownHook] 2026-11-23 20:57:50,100 HintsService.java:235 - Paused hints dispatch
"""

OPTION = """\
Unrecognized VM option 'UseFooGC'
Error: Could not create the Java Virtual Machine.
Error: A fatal exception has occurred. Program will exit.
"""

JMX = """\
[0.005s][warning][gc,ergo] NewSize was set larger than initial heap size, will use initial heap size.
Error: JMX connector server communication error: service:jmx:rmi://127.0.0.1:7199
jdk.internal.agent.AgentConfigurationError: java.rmi.server.ExportException: Port already in use: 7199
	at jdk.management.agent/sun.management.jmxremote.X.exportMBeanServer(ConnectorBootstrap.java:820)
Caused by: java.net.BindException: Address already in use
"""


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        (
            REFUSED,
            "Exception encountered during startup: ConfigurationException: Invalid yaml: "
            'file:/v/etc/cassandra.yaml: NumberFormatException: For input string: "x"',
        ),
        (OPTION, "Unrecognized VM option 'UseFooGC'"),
        (
            JMX,
            "JMX connector server communication error: service:jmx:rmi://127.0.0.1:7199: "
            "AgentConfigurationError: java.rmi.server.ExportException: Port already in use: 7199: "
            "BindException: Address already in use",
        ),
        ("ERROR [main] 2026-11-23 20:57:50,049 A.java:1 - one\nINFO  [x] 1 2 B.java:3 - two\n", "one"),
        ("some words\nlast words\n\n", "last words"),
        ("", "it logged nothing"),
    ],
)
def test_the_last_error_is_found_with_its_cause(log: str, sentence: str) -> None:
    assert last_error(log) == sentence


def test_a_sentence_does_not_get_long() -> None:
    assert len(last_error("ERROR [m] 1 2 A.java:1 - " + "x" * 10_000)) == 400


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.make()
    return layout


def test_what_an_earlier_cassandra_has_logged_is_left_out(layout: Layout) -> None:
    log = layout.log / "system.log"
    log.write_text("old\n")
    tail = LogTail(layout)
    log.write_text("old\nnew\n")
    assert tail.read() == "new\n"


def test_what_was_printed_is_told_where_nothing_was_logged(layout: Layout) -> None:
    (layout.log / "system.log").write_text("old\n")
    tail = LogTail(layout)
    (layout.log / "stdout.log").write_text(OPTION)
    assert tail.read() == OPTION


def test_nothing_is_told_where_there_is_nothing(layout: Layout) -> None:
    assert LogTail(layout).read() == ""


def test_a_log_that_was_rolled_away_meanwhile_is_read_from_its_start(layout: Layout) -> None:
    log = layout.log / "system.log"
    log.write_text("old\n" * 10)
    tail = LogTail(layout)
    log.write_text("new\n")
    assert tail.read() == "new\n"


def test_of_a_long_log_the_end_is_read(layout: Layout) -> None:
    tail = LogTail(layout)
    (layout.log / "system.log").write_text("first\n" + "line\n" * 100_000 + "last\n")
    read = tail.read()
    assert len(read) == 64_000
    assert read.endswith("line\nlast\n")


@pytest.mark.parametrize(
    ("text", "most", "end"),
    [
        ("one\ntwo\n", 100, "one\ntwo\n"),
        ("one\ntwo\n", 5, "two\n"),
        ("x" * 10, 4, "xxxx"),
        ("ab\nü\n", 4, "ü\n"),
    ],
)
def test_the_tail_is_whole_lines_within_its_bytes(text: str, most: int, end: str) -> None:
    assert last_lines(text, most) == end
