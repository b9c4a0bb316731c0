"""Options without effect beside others are refused, and the error names the other option."""

from __future__ import annotations

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from econsim.cli import adversary, agent_run, app, catalog, experiment, export, run_options
from econsim.cli.run_options import ALL_TRANSPORTS, TRANSPORTS
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides, why_not_in_memory

ROOT = get_command(app)
MEMORY = ["run", "--transport", "memory"]
VALUES = {
    "hosts": "2", "workers": "2", "external": "ana", "nats": "nats://127.0.0.1:1", "creds": ".",
    "services": None, "spread": None, "ephemeral": None, "real_time": None,
    "live_tools": None, "live_people": None, "execution": "shared",
}  # fmt: skip
ONLY_NATS = sorted(option for option, transports in TRANSPORTS.items() if transports is not ALL_TRANSPORTS)

IDLE = [
    (["run", "--workers", "2"], "--workers"),
    (["run", "--spread", "--no-services"], "--spread"),
    (["run", "--ephemeral", "--nats", "nats://127.0.0.1:1"], "--ephemeral"),
    (["up", "--server", "market"], "SERVICE..."),
    (["up", "--server", "--spread"], "--spread"),
    (["up", "--workers", "2"], "--workers"),
    (["up", "--server", "--nats", "nats://127.0.0.1:1"], "--server"),
    (["up", "--ephemeral", "--nats", "nats://127.0.0.1:1"], "--ephemeral"),
    (["catalog", "--table", "--service", "market"], "--service"),
    (["catalog", "--permissions", "--service", "market"], "--service"),
    (["catalog", "--permissions", "--table"], "--table"),
    (["catalog", "--scenario", "--table"], "--table"),
    (["adversary", "--markdown"], "--markdown"),
    (["adversary", "--list", "--markdown", "--only", "mint_money"], "--only"),
    (["experiment", "--quick"], "--quick"),
    (["experiment", "--processes", "2"], "--processes"),
    (["experiment", "--image", "x.svg"], "--image"),
    (["agent", "run", "ana", "--run", "demo", "--isolation", "limits", "--read", ".", "true"], "--read"),
    (["dead-letters", "drop", "7", "--all"], "--all"),
    (["export", "--table", "trades", "--parquet", "t"], "--table"),
    (["export", "--cloudevents", "--parquet", "t"], "--cloudevents"),
    (["export", "--cloudevents", "--table", "trades", "--jsonl", "t"], "--cloudevents"),
    (["export", "--beancount", "t", "--jsonl", "t"], "--beancount"),
    (["export", "last"], "--parquet"),
    (["dead-letters", "drop", "7", "--run", "demo"], "--run"),
]


def cli(words):
    return CliRunner().invoke(app, words)


def flag(option):
    """Return an option of `run` as it is written, with a value if it takes one."""
    value = VALUES[option]
    return [f"--{option.replace('_', '-')}", *([] if value is None else [value])]


def test_every_option_of_run_says_on_which_transports_it_does_something() -> None:
    named = {each.name for each in (*ROOT.commands["run"].params, *ROOT.params) if each.expose_value}

    assert set(TRANSPORTS) == named - {"version"}


@pytest.mark.parametrize("option", ONLY_NATS)
def test_memory_refuses_what_only_nats_knows(option) -> None:
    shown = cli([*MEMORY, *flag(option)])

    assert shown.exit_code == 2
    assert flag(option)[0] in shown.stderr
    assert "does nothing with --transport memory" in shown.stderr


@pytest.mark.parametrize(("words", "option"), IDLE)
def test_an_option_that_does_nothing_is_refused(words, option) -> None:
    shown = cli(words)

    assert shown.exit_code == 2
    assert option in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_every_rule_is_about_an_option_there_is() -> None:
    rules = {
        "run": run_options.RUN_UNUSED_OPTIONS,
        "up": run_options.UP_UNUSED_OPTIONS,
        "catalog": catalog.CATALOG_UNUSED_OPTIONS,
        "adversary": adversary.ADVERSARY_UNUSED_OPTIONS,
        "experiment": experiment.EXPERIMENT_UNUSED_OPTIONS,
        "export": export.EXPORT_UNUSED_OPTIONS,
    }
    named = {name: {each.name for each in (*ROOT.commands[name].params, *ROOT.params)} for name in rules}

    assert all(rule.option in named[name] for name, found in rules.items() for rule in found)
    assert {rule.option for rule in agent_run.AGENT_RUN_UNUSED_OPTIONS} <= {
        e.name for e in ROOT.commands["agent"].commands["run"].params
    }


def test_the_environment_names_a_server_for_commands_that_need_one(monkeypatch) -> None:
    monkeypatch.setenv("ECONSIM_NATS", "nats://127.0.0.1:1")

    assert "is neither a file nor a shipped scenario" in cli([*MEMORY, "nowhere"]).stderr


@pytest.mark.parametrize("change", [{"externals": ["ana"]}, {"real_time": True}])
def test_a_scenario_that_needs_a_server_is_not_run_in_memory(change) -> None:
    assert why_not_in_memory(apply_overrides(scenario_file.load("genesis"), **change))
    assert not why_not_in_memory(scenario_file.load("genesis"))


@pytest.mark.slow
def test_a_run_in_memory_has_the_name_it_is_given(tmp_path) -> None:
    shown = cli([*MEMORY, "--name", "mine", "--periods", "1", "--state", str(tmp_path)])

    assert "run mine," in shown.stdout
    assert (tmp_path / "runs" / "mine" / "report.html").exists()
