"""What is generated from the settings and the API's description is up to date."""

from __future__ import annotations

from release.generate import generated


def test_the_generated_files_are_up_to_date() -> None:
    for path, content in generated().items():
        assert path.read_text() == content, f"{path.name} is not up to date: run make generate"
