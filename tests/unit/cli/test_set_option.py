"""`--set`: values of the scenario by their path, on `run` and `check`; what is wrong ends with 2 before anything starts."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from econsim.cli import app


def econsim(state, *words):
    return CliRunner().invoke(app, ["--state", str(state), *words])


def test_a_run_takes_the_values_that_are_set(tmp_path) -> None:
    words = ("--set", "clock.periods=1", "--set", "agents.buyer.count=3", "--transport", "memory")

    result = econsim(tmp_path, "run", "smith1962", *words)

    assert result.exit_code == 0, result.output
    assert "14 agents" in result.output
    assert "not judged: the scenario's settings were changed" in result.output


def test_check_judges_the_scenario_as_it_is_set(tmp_path) -> None:
    result = econsim(
        tmp_path, "check", "smith1962", "--set", "agents.seller.count=4", "--set", "clock.periods=2"
    )

    assert result.exit_code == 0, result.output
    assert "15 agents, 1 market, 2 periods" in result.output


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "markets.good.tick_siz=0.05"], "did you mean 'markets.good.tick_size'"),
        (["--set", "agents.buyer.count=0"], "agents.buyer.count: 0 is too small"),
        (["--set", "hosts=2", "--set", "hosts=3"], "hosts is set twice"),
        (["--set", "hosts"], "write PATH=VALUE"),
    ],
)
def test_a_wrong_setting_ends_with_2_and_one_line(tmp_path, command, words, message) -> None:
    result = econsim(tmp_path / "state", command, "smith1962", *words)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "state").exists()


def test_a_value_is_given_once(tmp_path) -> None:
    result = econsim(tmp_path, "run", "smith1962", "--seed", "3", "--set", "seed=4")

    assert result.exit_code == 2
    assert "seed is given by --seed too" in result.stderr
