"""`econsim study`: what it leaves, how it goes on after a kill, and bad input that ends with 2 before anything starts."""

from __future__ import annotations

import json
import shlex

import duckdb
import pytest
from typer.testing import CliRunner

from econsim.cli import app

DESIGN = """
title = "Fewer buyers"
scenario = "smith1962"
seeds = "1..3"
settings.clock.periods = 2
[treatments.base]
[treatments.few]
agents.buyer.count = 4
"""


@pytest.fixture
def econsim(tmp_path, monkeypatch):
    """Run the command line where there is a design."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.toml").write_text(DESIGN)
    return lambda *words: CliRunner().invoke(app, ["--state", "state", *words])


def test_a_study_leaves_table_picture_page_and_numbers_and_is_listed(econsim, tmp_path) -> None:
    found = econsim("study", "few.toml", "--name", "s", "--jobs", "1")

    left = tmp_path / "state" / "bench" / "s"
    rows = (
        duckdb.read_parquet(str(left / "study.parquet"))
        .project('treatment, "agents.buyer.count", seed, period')
        .fetchall()
    )
    numbers = json.loads((left / "numbers.json").read_text())
    page = (left / "index.html").read_text()
    assert found.exit_code == 0, found.output
    assert rows == [
        (name, n, seed, day) for name, n in (("base", 11), ("few", 4)) for seed in (1, 2, 3) for day in (1, 2)
    ]
    assert {each["n"] for each in numbers["means"] + numbers["differences"]} == {3}
    assert "<code>econsim --state state study few.toml --name s --jobs 1</code>" in page
    assert "<script src" not in page
    assert (left / "picture.svg").read_text().startswith("<svg")
    assert (left / "design.toml").read_text() == DESIGN
    assert "conditions" in econsim("bench", "list").output
    assert "minus base" in econsim("bench", "show", "s").output
    refused = econsim("bench", "show", "s", "--json", "-")
    assert (refused.exit_code, "does nothing for a study" in " ".join(refused.output.split())) == (2, True)


def test_its_json_has_what_its_tables_show(econsim) -> None:
    words = ("study", "few.toml", "--set", "markets.good.tick_size=0.01", "--jobs", "1", "--json")
    base, few = (json.loads(line) for line in econsim(*words).stdout.splitlines()[:2])

    assert (
        [*base]
        == [*few]
        == [
            *["condition", "treatment", "agents.buyer.count", "measure", "mean", "half_width", "n"],
            *JSON_KEYS,
        ]
    )
    assert {base[key] for key in JSON_KEYS} == {None}
    assert (few["baseline"], few["difference_n"], few["interaction"]) == ("base", 3, None)
    assert few["difference"] == pytest.approx(few["mean"] - base["mean"])
    assert few["difference_is_clear"] is (few["difference_half_width"] < abs(few["difference"]))


JSON_KEYS = (
    *("baseline", "difference", "difference_half_width", "difference_n", "difference_is_clear"),
    *("reference", "interaction", "interaction_half_width", "interaction_n", "interaction_is_clear"),
)

OWN = """
from econsim import Policy

print("loaded")

class Talking(Policy):
    def act(self, see, draws):
        print("asked")
        return ()
"""


@pytest.mark.parametrize(
    "words",
    [
        ("study", "few.toml", "--set", "agents.seller.policy=mine:Talking", "--jobs", "1", "--json"),
        ("run", "smith1962", "--transport", "memory", "--set", "agents.seller.policy=mine:Talking", "--json"),
        ("check", "smith1962", "--set", "agents.seller.policy=mine:Talking", "--twice", "--json"),
    ],
)
def test_what_policies_print_is_not_among_the_json(econsim, tmp_path, words) -> None:
    (tmp_path / "mine.py").write_text(OWN)

    found = econsim(*words)

    assert all(json.loads(line) for line in found.stdout.splitlines())
    assert found.stdout
    assert {"loaded", "asked"} <= {*found.stderr.splitlines()}


def test_the_page_names_the_command_that_gives_its_numbers_again(econsim, tmp_path) -> None:
    typed = (
        "--name",
        "first",
        "--seeds",
        "1..2",
        "--set",
        "clock.periods=1",
        "--set",
        "agents.seller.policy=zip",
    )
    found = econsim("study", "few.toml", *typed, "--jobs", "1")
    command = json.loads((tmp_path / "state" / "bench" / "first" / "batch.json").read_text())["command"]

    again = econsim(*shlex.split(command.replace("first", "second"))[3:])

    first, second = (
        json.loads((tmp_path / "state" / "bench" / name / "numbers.json").read_text())
        for name in ("first", "second")
    )
    assert (found.exit_code, again.exit_code) == (0, 0), again.output
    assert second | {"study": "first"} == first


def test_a_study_without_numbers_has_a_page_that_says_so(econsim, tmp_path) -> None:
    (tmp_path / "none.toml").write_text('measures = ["good tax"]\n' + DESIGN)

    found = econsim("study", "none.toml", "--name", "s", "--seeds", "1", "--jobs", "1")

    assert found.exit_code == 0, found.output
    assert "No run has a value" in found.output
    assert "No run has a value" in (tmp_path / "state" / "bench" / "s" / "index.html").read_text()


def test_a_study_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(econsim, tmp_path) -> None:
    for name in ("whole", "killed"):
        assert econsim("study", "few.toml", "--name", name, "--jobs", "1").exit_code == 0
    cells = tmp_path / "state" / "bench" / "killed" / "cells.jsonl"
    lines = cells.read_bytes().splitlines(keepends=True)
    cells.write_bytes(b"".join(lines[:2]) + lines[2][:40])

    found = econsim("bench", "resume", "killed", "--jobs", "1")

    whole, killed = (
        json.loads((tmp_path / "state" / "bench" / name / "numbers.json").read_text())
        for name in ("whole", "killed")
    )
    assert found.exit_code == 0, found.output
    assert killed | {"study": "whole"} == whole


def test_seeds_and_settings_can_be_replaced(econsim) -> None:
    found = econsim("study", "few.toml", "--seeds", "5..6", "--set", "agents.seller.count=3", "--jobs", "1")

    assert found.exit_code == 0, found.output
    assert " 2 " in found.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.toml"], "is neither a file nor a shipped design"),
        (["few.toml", "--seeds", "3..1"], "names no seeds"),
        (["few.toml", "--seeds", "1,1"], "names seed 1 twice"),
        (["few.toml", "--set", "agents.buyer.count=3"], "agents.buyer.count is varied by few.toml"),
        (["few.toml", "--set", "seed=3"], "seeds are no setting of a study"),
        (["few.toml", "--set", "agents.seler.count=3"], "did you mean 'agents.seller.count'"),
        (["few.toml", "--transport", "nats"], "there is no transport 'nats'"),
        (["few.toml", "--jobs", "0"], "no whole number from 1"),
        (["few.toml", "--name", "n" * 45], "too long"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(econsim, tmp_path, words, message) -> None:
    found = econsim("study", *words)

    assert found.exit_code == 2
    assert message in found.stderr
    assert found.stderr.count("\n") == 1
    assert not (tmp_path / "state" / "bench").exists()


def test_a_name_that_is_taken_is_refused(econsim) -> None:
    econsim("study", "few.toml", "--name", "s", "--jobs", "1")

    found = econsim("study", "few.toml", "--name", "s")

    assert found.exit_code == 2
    assert "there is a batch 's' already" in found.stderr
