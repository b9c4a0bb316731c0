"""Runs in memory from the command line: kept, listed, read, archived, resumed, deleted. Catches: a run that no command finds again."""

from __future__ import annotations

import json
from itertools import islice

import duckdb
import pytest
from run_builders import small_scenario
from typer.testing import CliRunner

from econsim.cli import app
from econsim.domain.audit.facts import as_record
from econsim.domain.execution import in_memory
from econsim.runs import kept_runs
from econsim.runs.run_facts import SALT
from econsim.runs.run_progress import RunProgress
from econsim.runs.stored_hash import store_hash, stored_hash


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Run the command line in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def state(tmp_path):
    return tmp_path / ".econsim"


def run_in_memory(cli, *more):
    found = cli("run", "smith1962", "--transport", "memory", "--periods", "1", *more)
    assert found.exit_code in {0, 1}, found.output  # one period may miss an expectation
    return found


def listed(cli):
    return [json.loads(line) for line in cli("runs", "--json").stdout.splitlines()]


def stop(state, run, events=40):
    """Keep the smallest run as if Ctrl-C had stopped it after so many events."""
    progress = RunProgress()
    for addressed in islice(in_memory.run(small_scenario("zi_c"), run, SALT), events):
        progress.add(as_record(addressed))
    facts = progress.facts("memory", "2026-01-01T00:00:00Z").model_copy(update={"state": "stopped"})
    kept_runs.keep(state, facts, None)


def test_a_run_in_memory_is_kept_and_read_like_any_other(cli):
    run_in_memory(cli, "--name", "first")

    (row,) = listed(cli)
    assert (row["run"], row["transport"], row["state"], row["until"]) == ("first", "memory", "closed", None)
    assert row["bytes"] > 0
    assert "run first closed" in cli("events", "last", "--limit", "1").stdout
    assert "the books of first add up" in cli("ledger", "verify", "first").stdout
    assert "buyer_001" in cli("ledger", "balances", "first").stdout
    assert "run first, 22 agents" in cli("report").stdout
    assert "span" in cli("trace", "first").stdout
    shown = json.loads(cli("runs", "show", "--json").stdout)
    assert (shown["seed"], shown["events"]) == (1962, row["events"])
    trade = json.loads(cli("events", "--type", "trade", "--limit", "1", "--json").stdout)["data"]["trade_id"]
    assert f"trade {trade}" in cli("why", trade).stdout


def test_tables_of_a_run_are_written_with_it(cli, tmp_path):
    run_in_memory(cli, "--ephemeral", "--parquet", "tables")

    assert duckdb.sql(f"FROM '{tmp_path}/tables/runs.parquet' SELECT state").fetchall() == [("closed",)]
    assert "there are no runs" in cli("runs").stderr


def test_runs_are_exported_together_by_patterns_with_their_treatments(cli, tmp_path):
    for name, seed in (("low_1", 1), ("low_2", 2), ("high_1", 1)):
        run_in_memory(cli, "--name", name, "--seed", seed)

    found = cli("export", "a=low_*", "b=high_1", "--parquet", "tables")

    assert found.exit_code == 0
    sql = f"FROM '{tmp_path}/tables/periods.parquet' SELECT run, seed, treatment"
    assert duckdb.sql(sql).fetchall() == [("low_1", 1, "a"), ("low_2", 2, "a"), ("high_1", 1, "b")]
    assert "of one run, and these are 2" in cli("export", "low_*", "--beancount", "x.beancount").stderr
    assert "no run is named like 'x*'" in cli("export", "x*", "--parquet", "tables").stderr


def test_an_archive_is_read_by_its_file_after_the_run_was_deleted(cli):
    run_in_memory(cli, "--name", "first")
    (row,) = listed(cli)

    assert "does not end in .jsonl.gz" in cli("runs", "archive", "first", "--output", "x.gz").stderr
    assert cli("runs", "archive", "first").exit_code == 0
    assert cli("runs", "delete", "first").exit_code == 0

    assert "there are no runs" in cli("runs").stderr
    assert "run first, 22 agents" in cli("report", "first.jsonl.gz", "--output", "r.html").stdout
    assert len(cli("events", "first.jsonl.gz", "--json").stdout.splitlines()) >= row["events"]
    assert "the books of first add up" in cli("ledger", "verify", "first.jsonl.gz").stdout


def test_deleting_a_run_in_memory_leaves_the_hash_of_a_run_of_the_log_with_its_name(cli, state):
    run_in_memory(cli, "--name", "first")
    store_hash(state, "first", "opening", "a" * 64)

    said = cli("runs", "delete", "first").stdout

    assert "the run of the log of this name stays" in said
    assert stored_hash(state, "first", "opening") == "a" * 64
    again = cli("runs", "delete", "first")
    assert (again.exit_code, "run 'first' is in the log" in again.stderr) == (1, True)


def test_a_stopped_run_says_how_far_it_came_and_is_resumed_to_the_hash_of_a_whole_one(cli, state):
    stop(state, "cut")

    assert "cut was stopped at tick" in cli("runs").stdout
    assert "run cut was stopped at tick" in cli("report", "cut").stdout
    assert "`econsim resume cut` goes on with it" in cli("events", "cut").stderr
    assert "which is in memory" in cli("resume", "cut", "--no-services").stderr
    assert cli("resume", "cut").exit_code == 0

    (row,) = listed(cli)
    assert (row["run"], row["state"], row["ticks"]) == ("cut", "closed", 12)
    again = cli("resume", "cut")
    assert (again.exit_code, "run 'cut' has ended" in again.stderr) == (1, True)


@pytest.mark.parametrize(("option", "reports"), [((), 1), (("--no-report",), 0)])
def test_a_run_is_resumed_with_its_report_or_without_one(cli, state, option, reports):
    stop(state, "cut")

    assert cli("resume", "cut", *option).exit_code == 0

    assert len([*state.rglob("*.html")]) == reports


def test_a_name_of_another_run_is_refused_and_the_same_run_may_be_made_again(cli):
    run_in_memory(cli, "--name", "first")
    run_in_memory(cli, "--name", "first")

    refused = cli("run", "smith1962", "--transport", "memory", "--name", "first", "--seed", "7")

    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "'first' is the name of another run in memory" in refused.stderr
    over_nats = cli("run", "smith1962", "--name", "first")
    assert "'first' is the name of another run in memory" in over_nats.stderr
    assert len(listed(cli)) == 1


def test_old_runs_are_pruned_and_stopped_ones_stay(cli, state):
    stop(state, "cut")
    run_in_memory(cli, "--name", "first")

    assert cli("runs", "prune").exit_code == 2
    assert "would delete first" in cli("runs", "prune", "--newest", "0", "--dry-run").stdout
    assert "nothing to delete" in cli("runs", "prune", "--older-than", "1").stdout
    assert "deleted first" in cli("runs", "prune", "--newest", "0").stdout
    assert [row["run"] for row in listed(cli)] == ["cut"]


def test_a_damaged_file_is_named_and_the_other_runs_are_listed(cli, state):
    run_in_memory(cli, "--name", "first")
    kept_runs.path_of(state, "bad").parent.mkdir()
    kept_runs.path_of(state, "bad").write_bytes(b"?")

    found = cli("runs")

    assert (found.exit_code, "first" in found.stdout) == (1, True)
    assert "is no run of econsim, or damaged" in found.stderr
    assert "`econsim runs delete bad` deletes it" in found.stderr

    assert cli("runs", "delete", "bad").exit_code == 0
    assert cli("runs").exit_code == 0
