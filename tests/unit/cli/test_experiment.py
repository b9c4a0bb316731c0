"""`econsim experiment`: lists, runs, judges, and leaves a page, pictures and numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from econsim.cli import app
from econsim.cli.cell_progress import progress_lines
from econsim.evaluation.experiments import catalogue
from econsim.evaluation.experiments.verdicts import Expected, compare


def invoke(state, *arguments):
    return CliRunner().invoke(app, ["--state", str(state), "experiment", *arguments])


def test_without_a_name_all_are_listed(tmp_path) -> None:
    result = invoke(tmp_path)

    assert result.exit_code == 0
    assert all(experiment.name in result.output for experiment in catalogue.EXPERIMENTS)


def test_an_unknown_name_is_refused(tmp_path) -> None:
    result = invoke(tmp_path, "zip_lerning")

    assert result.exit_code == 2
    assert "did you mean 'zip_learning'" in result.output


def test_without_a_terminal_progress_is_a_line_a_minute_and_one_at_the_end(capsys) -> None:
    now = iter([0.0, 30.0, 61.0, 61.0, 70.0, 130.0])
    advance = progress_lines("zip_learning", 4, lambda: next(now))

    for _ in range(4):
        advance()

    assert capsys.readouterr().err.splitlines() == [
        "zip_learning: 4 runs",
        "zip_learning: 2 of 4 runs, about 61 s left",
        "zip_learning: 4 of 4 runs",
    ]


@pytest.mark.slow
def test_a_page_pictures_and_numbers_are_left(tmp_path) -> None:
    image = tmp_path / "images" / "oracle.svg"

    result = invoke(tmp_path, "gode_sunder_oracle", "--quick", "--processes", "1", "--image", str(image))

    left = tmp_path / "experiments" / "gode_sunder_oracle-quick"
    page = (left / "index.html").read_text()
    assert result.exit_code == 0, result.output
    assert image.read_bytes() == (left / "picture.svg").read_bytes()
    assert (left / "picture.png").stat().st_size > 10_000
    assert all(finding["holds"] for finding in json.loads((left / "findings.json").read_text()))
    assert "<script src" not in page
    assert "<link" not in page
    command = (
        f"econsim --state {tmp_path} experiment gode_sunder_oracle --quick --processes 1 --image {image}"
    )
    assert f"<code>{command}</code>" in page
    assert [each.name for each in left.parent.iterdir()] == [left.name]


@pytest.mark.slow
def test_a_number_that_differs_ends_with_1(tmp_path, monkeypatch) -> None:
    def wrong(studies):
        return (compare("trades", catalogue.volumes(studies[0], "good"), Expected(12, 0, "nowhere")),)

    oracle = replace(catalogue.find("gode_sunder_oracle"), compare=wrong)
    monkeypatch.setattr(catalogue, "EXPERIMENTS", (oracle,))

    result = invoke(tmp_path, "gode_sunder_oracle", "--quick", "--processes", "1")

    assert result.exit_code == 1
    assert "differs" in result.output
