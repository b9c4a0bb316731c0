"""The command line without a server: help, errors, exit codes, scenario files, and what is printed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from kept_runs import altered, instead, kept_run, run_report
from run_builders import only, small_run
from typer.main import get_command
from typer.testing import CliRunner

from econsim import errors, subjects
from econsim.cli import COMMANDS, GROUPS, app, events, interrupts, verification
from econsim.cli.command_group import global_options_first, run_async
from econsim.domain.audit.causality import CausalGraph
from econsim.domain.audit.facts import facts
from econsim.domain.audit.run_records import RunEnd
from econsim.report.cause_tree import cause_tree


def cli(*args):
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(arg) for arg in args])


def command_paths():
    """Return the words of every command."""
    commands = get_command(app).commands
    return [
        *([name] for _, name, _ in COMMANDS),
        *([name, each] for _, name, _ in GROUPS for each in commands[name].commands),
    ]


def test_help_names_every_command_and_the_first_ones_to_try() -> None:
    shown = cli("--help")

    assert shown.exit_code == 0
    for heading in ("Run", "Read", "Check", "Set up", "econsim run genesis"):
        assert heading in shown.stdout
    for _, name, _ in (*COMMANDS, *GROUPS):
        assert f"\n  {name} " in shown.stdout


def test_no_arguments_show_the_help() -> None:
    assert "Set up" in cli().output


@pytest.mark.parametrize("name", [name for _, name, _ in COMMANDS])
def test_the_help_of_every_command_has_an_example(name: str) -> None:
    shown = cli(name, "--help")

    assert shown.exit_code == 0
    assert "Example: econsim " in shown.output
    assert shown.output.count(f"econsim {name}") >= 2


def test_the_help_of_no_command_breaks_a_line_or_names_a_python_type() -> None:
    helps = [cli(*path, "--help").output for path in command_paths()]
    root = get_command(app)
    groups = [root, *(root.commands[name] for _, name, _ in GROUPS)]
    texts = [each.help for group in groups for each in group.commands.values()]

    assert [text for text in helps if "<function>" in text] == []
    assert [text for text in texts if "\n" in text.replace("\n\n", "")] == []


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["--report", "/proc/nope/report.html"], "--report"),
        (["--state", "/proc/nope"], "--state"),
        (["--external", "ana", "--external", "ana"], "--external"),
        (["--external", "lab_007"], "--external"),
    ],
)
def test_an_unusable_value_is_refused_before_the_run(words, option, tmp_path) -> None:
    memory = [] if "--external" in words else ["--transport", "memory"]

    shown = cli("run", "genesis", *memory, "--state", tmp_path, *words)

    assert (shown.exit_code, shown.stderr.count("\n")) == (2, 1)
    assert option in shown.stderr
    assert "Errno" not in shown.stderr


def test_why_takes_the_run_as_an_option_in_small_letters() -> None:
    """Typer names an option after its metavar if the two differ in case alone; so it is named by hand."""
    assert "--run " in cli("why", "--help").output


def test_help_loads_nothing_heavy() -> None:
    heavy = {"pydantic", "nats", "faststream", "rich", "altair", "duckdb"}
    code = f"import sys; from econsim.cli import app; app(['--help'], standalone_mode=False); print({heavy} & {{*sys.modules}})"

    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert shown.stdout.endswith("set()\n")


def test_a_command_loads_no_other_and_a_run_of_coded_agents_no_parts_of_other_agents(tmp_path) -> None:
    unneeded = {
        "econsim.cli.export",
        "econsim.domain.cognition.prompt",
        "econsim.domain.execution.in_memory_run",
        "econsim.streams",
        "duckdb",
        # The messages of services that it has no events of, and what reads the environment, where there is nothing to read.
        *(
            f"econsim.schemas.{word}"
            for word in ("admin", "admission", "cognition", "mcp", "model_call", "social", "workspace")
        ),
        "pydantic_settings",
        "asyncio",
    }
    words = [
        "run",
        "smith1962",
        "--periods",
        "1",
        "--transport",
        "memory",
        "--no-report",
        "--state",
        str(tmp_path),
    ]
    code = f"import sys; from econsim.cli import app; app({words}, standalone_mode=False); print({unneeded} & {{*sys.modules}})"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("ECONSIM_")}

    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=bare)

    assert shown.stdout.endswith("set()\n")


def test_a_reader_of_the_log_loads_no_scenario_and_no_messages_of_services() -> None:
    unneeded = {
        f"econsim.schemas.{word}"
        for word in ("scenario", "admin", "mcp", "model_call", "social", "workspace")
    }
    loaded = "econsim.cli.events, econsim.cli.run_log, econsim.adapters.jetstream.text_store, econsim.adapters.server.state_directory"
    code = f"import sys; import {loaded}; print({unneeded} & {{*sys.modules}})"

    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert shown.stdout.endswith("set()\n")


def test_global_options_may_stand_anywhere() -> None:
    args = ["events", "last", "--state", "x", "--limit", "3", "--nats=y", "--", "--creds"]

    assert global_options_first(args) == [
        "--state",
        "x",
        "--nats=y",
        "events",
        "last",
        "--limit",
        "3",
        "--",
        "--creds",
    ]


def test_an_error_is_one_line_with_a_remedy_and_no_traceback(tmp_path) -> None:
    shown = cli("events", "--state", tmp_path / "none")

    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert shown.stderr.startswith("error: there are no runs in ")
    assert "econsim run genesis" in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_reading_creates_nothing(tmp_path) -> None:
    cli("runs", "--state", tmp_path / "none")

    assert not (tmp_path / "none").exists()


def test_ctrl_c_ends_with_130_and_one_line(monkeypatch) -> None:
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("econsim.runs.scenario_file.names", stopped)

    shown = cli("scenarios")

    assert (shown.exit_code, shown.stdout, shown.stderr) == (130, "", "stopped\n")


@pytest.mark.parametrize("error", [RuntimeError("a schema"), ConnectionResetError("Connection lost"), None])
def test_whatever_becomes_of_ctrl_c_the_command_was_stopped(error, monkeypatch) -> None:
    def turned_into_another_error(*_):
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        if error:
            raise error
        run_async(asyncio.sleep(60))

    monkeypatch.setattr("econsim.runs.scenario_file.names", turned_into_another_error)

    shown = cli("scenarios")

    assert (shown.exit_code, shown.stdout, shown.stderr) == (130, "", "stopped\n")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_cannot_clean_up_was_stopped_all_the_same(sent, monkeypatch) -> None:
    async def command():
        try:
            signal.raise_signal(sent)
            await asyncio.sleep(60)
        finally:
            raise ConnectionResetError

    monkeypatch.setattr("econsim.runs.scenario_file.names", lambda *_: run_async(command()))

    shown = cli("scenarios")

    assert (shown.exit_code, shown.stdout, shown.stderr) == (130, "", "stopped\n")


def test_an_error_of_the_next_command_is_its_own(monkeypatch) -> None:
    interrupts.note_interrupt()
    monkeypatch.setenv("ECONSIM_REPLICAS", "seven")

    assert cli("scenarios").exit_code == 1


def test_a_setting_that_is_not_usable_is_named(monkeypatch) -> None:
    monkeypatch.setenv("ECONSIM_REPLICAS", "seven")

    shown = cli("scenarios")

    assert shown.exit_code == 1
    assert "ECONSIM_REPLICAS" in shown.stderr


def test_scenarios_lists_what_is_shipped() -> None:
    shown = cli("scenarios")

    assert "genesis" in shown.stdout
    assert "smith1962" in shown.stdout


def test_a_new_scenario_is_usable(tmp_path) -> None:
    file = tmp_path / "bakery.toml"

    made = cli("new", "bakery", "--to", file)
    checked = cli("check", file)

    assert made.exit_code == checked.exit_code == 0
    assert 'name = "bakery"' in file.read_text(encoding="utf-8")
    assert "is usable" in checked.stdout


def test_a_new_scenario_overwrites_nothing(tmp_path) -> None:
    file = tmp_path / "bakery.toml"
    file.write_text("mine", encoding="utf-8")

    shown = cli("new", "bakery", "--to", file)

    assert shown.exit_code == 1
    assert file.read_text(encoding="utf-8") == "mine"


def test_check_names_the_line_the_key_and_the_remedy(tmp_path) -> None:
    file = tmp_path / "bakery.toml"
    cli("new", "bakery", "--to", file)
    file.write_text(file.read_text(encoding="utf-8").replace("seed = 1", "sead = 1"), encoding="utf-8")

    shown = cli("check", file)

    assert shown.exit_code == 1
    assert "bakery.toml, line 8: sead" in shown.stderr
    assert "'seed'" in shown.stderr


def test_the_catalog_is_written_to_a_file_or_to_standard_output(tmp_path) -> None:
    file = tmp_path / "deep" / "asyncapi.json"

    cli("catalog", "--output", file)
    shown = cli("catalog")

    assert json.loads(shown.stdout) == json.loads(file.read_text(encoding="utf-8"))


def test_the_catalog_writes_the_published_schema_of_scenario_files() -> None:
    published = Path(__file__).parents[3] / "docs/reference/scenario.schema.json"

    assert json.loads(cli("catalog", "--scenario").stdout) == json.loads(
        published.read_text(encoding="utf-8")
    )


def test_a_service_that_is_not_one_is_refused_with_those_there_are() -> None:
    assert "market, ledger, cognition, clock, agent" in cli("catalog", "--service", "shop").stderr


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("trade", subjects.TRADE_EXECUTED),
        ("order_rej", subjects.ORDER_REJECTED),
        ("system.opened", subjects.RUN_OPENED),
    ],
)
def test_a_type_may_be_named_by_its_beginning(name: str, subject) -> None:
    assert events.event_types(name) == {subject.type}


def test_what_agents_report_is_named_with_its_domain() -> None:
    own = events.EventFilter(events.event_types("agent.plan"), "agent.plan", None, 5, follow=False)
    fact = next(facts(only(small_run(), subjects.TRADE_EXECUTED)[0]))
    plan, other = (replace(fact, type=f"agent.{word}") for word in ("planned", "told"))

    assert (own.fits(plan), own.fits(other), own.is_read_from_end) == (True, False, False)


def test_an_unknown_type_is_refused_with_those_there_are() -> None:
    with pytest.raises(errors.NotFound, match="trade_executed"):
        events.event_types("nonsense")


def test_a_fact_is_one_line_of_tick_time_type_actor_and_what() -> None:
    fact = next(facts(only(small_run(), subjects.TRADE_EXECUTED)[0]))

    shown = events.fact_line(fact).plain

    assert shown.split()[:2] == [str(fact.tick), "00:00:00.000"]
    assert "trade_executed" in shown
    assert f"{fact.data['buyer']} bought 1 cpu at" in shown


def test_json_lines_hold_the_whole_fact(capsys) -> None:
    fact = next(facts(only(small_run(), subjects.TRADE_EXECUTED)[0]))

    events.printer(as_json=True)(deque([fact]))

    assert json.loads(capsys.readouterr().out)["data"] == fact.data


def test_why_goes_from_the_root_over_the_fact_to_its_effects() -> None:
    trade = next(facts(only(small_run(), subjects.TRADE_EXECUTED)[0]))

    branch, labels = cause_tree(CausalGraph(small_run()), trade.data["trade_id"]), []
    while branch.children:
        branch = branch.children[0]
        labels.append(branch.label.plain)

    assert [label.split()[0] for label in labels[:3]] == ["opened", "period_opened", "ticked"]
    assert labels[-2].startswith("▶ trade_executed")
    assert labels[-1].startswith("transfer_posted")


def test_a_run_has_ended_when_the_last_entry_of_its_ledger_was_seen() -> None:
    log, end = small_run(), RunEnd()
    closed = log[-1]
    entries = [entry for entry in log if "sequence" in entry.data]

    end.see(closed)
    assert (end.closed, end.reached) == (True, False)
    for entry in entries:
        end.see(entry)

    assert end.reached


def shown(log, bucket):
    """Return what `ledger verify` prints of a log and a bucket."""
    return verification.verification_lines(
        verification.RunVerification("run_1", run_report(log, bucket), hash_kept=True)
    )


def test_books_that_add_up_are_reported_in_green() -> None:
    log, bucket = kept_run()

    lines = shown(log, bucket)

    assert "the books of run_1 add up" in lines[0]
    assert f"{len(log)} records of 12 ticks" in lines[0]
    assert "as it was when the run ended" in lines[-1]


def test_a_run_that_has_not_ended_has_no_hash_to_compare_with() -> None:
    log, _ = kept_run()

    found = verification.RunVerification("run_1", run_report(log[:1], ()), hash_kept=False)

    assert verification.verification_lines(found)[-1].endswith(
        "the run has not ended, so there is none to compare it with[/dim]"
    )


@pytest.mark.parametrize("left", [slice(1, None), slice(None, -1)], ids=["opening", "closing"])
def test_a_finding_about_a_record_that_is_gone_has_a_name(left) -> None:
    log, bucket = kept_run()

    found = run_report(log[left], bucket).findings

    assert found
    assert all(each.record for each in found)


def test_books_that_do_not_add_up_name_the_first_bad_record_and_its_place() -> None:
    log, bucket = kept_run()
    journal = instead(bucket, 1, altered(bucket[1], sequence=7))

    lines = shown(log, journal)

    assert "do not add up" in lines[0]
    assert "copy_differs_from_the_journal" in "".join(lines)
    assert f"{json.loads(bucket[1].payload)['event_id']}: sequence_has_a_gap (7 after 1)" in "".join(lines)


def test_a_record_that_cannot_be_read_is_named_and_the_others_are_checked() -> None:
    log, bucket = kept_run()
    log = instead(log, 4, replace(log[4], payload=b"{"))

    lines = shown(log, bucket)

    assert f"{log[4].subject}, place in the log 5: record_differs_from_its_digest" in lines[1]
    assert f"{len(log) - 1} records" in lines[0]


def test_a_crash_in_compiled_code_names_the_line_of_the_policy(tmp_path) -> None:
    (tmp_path / "crash.py").write_text(
        "import ctypes\nfrom econsim import Policy\n\n\nclass Crash(Policy):\n"
        "    def act(self, see, draws):\n        ctypes.string_at(0)\n"
    )
    words = ("smith1962", "--transport", "memory", "--set", "agents.buyer.policy=crash:Crash")

    ended = subprocess.run(
        [sys.executable, "-m", "econsim", "run", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode < 0
    assert 'crash.py", line 7 in act' in ended.stderr


@pytest.mark.parametrize("command", ["events", "watch", "resume"])
def test_a_command_whose_run_may_be_left_out_says_which_it_takes(command) -> None:
    assert "[default: last]" in CliRunner().invoke(app, [command, "--help"]).stdout
