"""The how-to on hypotheses: each of its examples is an expectation that holds on the scenario it names, and every form has one."""

import re
import tomllib
from pathlib import Path

import pytest
from expectation_builders import FORM, judged, stored_run

from econsim.schemas.expectation import FORMS

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "state-a-hypothesis.md").read_text()
BLOCKS = [
    table
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for table in tomllib.loads(block)["expectations"]
]
CELLS = [tomllib.loads(f"x = {cell}")["x"] for cell in re.findall(r"`(\{ form = [^`]*\})`", PAGE)]


@pytest.fixture(scope="module")
def run():
    return stored_run("studio", periods=4)


@pytest.mark.parametrize("tables", [BLOCKS, CELLS], ids=["examples", "published suites"])
def test_every_example_holds(run, tables):
    _, verdicts = judged(*run, *map(FORM.validate_python, tables))

    assert [each.lines() for each in verdicts if not each.outcome.is_pass] == []


def test_every_form_has_an_example():
    assert {table.get("form", "measure") for table in BLOCKS} == {*FORMS}


def test_the_words_of_published_suites_take_at_most_three_lines():
    rows = [
        row.split("|")[2] for row in PAGE.rpartition("| Suite says")[2].splitlines() if row.startswith("|")
    ]

    assert all(row.count("form =") <= 3 for row in rows)
