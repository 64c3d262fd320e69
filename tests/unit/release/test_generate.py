"""What is generated from the settings is up to date."""

from __future__ import annotations

from release.generate import generated


def test_the_generated_files_are_those_of_the_settings() -> None:
    for path, content in generated().items():
        assert path.read_text() == content, f"{path.name} is not of these settings: run make generate"
