"""What the simulation has run is told in the end, by whichever process of pytest it was run."""

from __future__ import annotations

import pytest

REPORT = "simulation"
"""The name under which a test keeps its report."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the reports of the tests that have run."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in report.user_properties:
            if name == REPORT and report.when == "call":
                terminalreporter.section(report.nodeid.rpartition("::")[2])
                terminalreporter.write_line(str(text))
