"""A study from Python: the numbers and the table of `econsim study`, and one that was stopped goes on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from econsim.api.studies import study
from econsim.errors import Conflict, InvalidMessage, ScenarioError, SetupError

DESIGN = {
    "scenario": "smith1962",
    "seeds": "1..3",
    "settings": {"clock.periods": 1},
    "grid": {"agents.buyer.count": [4, 11]},
}


def test_means_differences_and_a_table_of_a_dictionary(tmp_path) -> None:
    told = []

    found = study(DESIGN, name="s", state=tmp_path, progress=lambda done, total: told.append((done, total)))

    (price,) = (each for each in found.differences if each["measure"] == "good price")
    rows = sorted(zip(found.table["agents.buyer.count"], found.table["seed"], strict=True))
    assert rows == [(count, seed) for count in (4, 11) for seed in (1, 2, 3)]
    assert found.groups.to_polars().height == found.groups.to_pandas().shape[0] == 12
    assert {each["n"] for each in found.means} == {3}
    assert (price["n"], price["baseline"]) == (3, "smith1962 agents.buyer.count=4")
    assert told[-1] == (6, 6)
    assert found.page.exists()
    assert not found.failed
    assert found._repr_html_().count("<table") == 4


def test_a_study_of_the_same_name_goes_on_and_another_is_refused(tmp_path) -> None:
    first = study(DESIGN, name="s", state=tmp_path)
    again = []

    found = study(DESIGN, name="s", state=tmp_path, progress=lambda *counts: again.append(counts))

    assert not again
    assert found.means == first.means
    with pytest.raises(Conflict):
        study(DESIGN, seeds=[7, 8], name="s", state=tmp_path)


def test_a_design_that_cannot_be_run_is_refused_before_anything_is_kept(tmp_path) -> None:
    with pytest.raises(ScenarioError, match=r"agents\.buyer\.count is varied by design"):
        study(DESIGN, {"agents.buyer.count": 3}, state=tmp_path / "state")

    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("given", "error", "reason"),
    [
        ({"jobs": -1}, InvalidMessage, "jobs='-1' is no number of processes"),
        ({"jobs": "2"}, InvalidMessage, "is no number of processes"),
        ({"seeds": []}, InvalidMessage, "names no seeds"),
        ({"seeds": [-1]}, InvalidMessage, "names no seeds"),
        ({"seeds": ["1"]}, InvalidMessage, "names no seeds"),
        ({"seeds": [1, 1]}, InvalidMessage, "names seed 1 twice"),
        ({"name": "My study"}, ScenarioError, "is no name of a batch"),
        ({"settings": ["seed"]}, InvalidMessage, "give paths and values"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_kept(tmp_path, given, error, reason) -> None:
    with pytest.raises(error, match=reason):
        study(DESIGN, **given, state=tmp_path / "state")

    assert not (tmp_path / "state").exists()


def test_a_state_directory_that_is_a_file_is_refused(tmp_path) -> None:
    (tmp_path / "state").write_text("")

    with pytest.raises(SetupError, match=r"cannot write to .*choose another state directory"):
        study(DESIGN, state=tmp_path / "state")


@pytest.mark.slow
def test_a_script_that_runs_a_study_in_processes_needs_no_guard_and_they_import_nothing_of_the_working_directory(
    tmp_path,
) -> None:
    script, working = tmp_path / "script.py", tmp_path / "working"
    working.mkdir()
    (working / "json.py").write_text("raise RuntimeError\n")
    script.write_text(
        "from econsim.api.studies import study\n"
        f"print(len(study({DESIGN!r}, jobs=2, state={str(tmp_path)!r}).means), 'means')\n"
    )

    done = subprocess.run(
        [sys.executable, str(script)], cwd=working, capture_output=True, text=True, check=True
    )

    assert done.stdout.count("means") == 1
