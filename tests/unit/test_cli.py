"""The command line without a server: help, errors, exit codes, scenario files, and what is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque

import pytest
from run_builders import only, small_run
from typer.testing import CliRunner

from econsim import errors, subjects
from econsim.cli import COMMANDS, GROUPS, app, ledger, reading
from econsim.cli.frame import hoisted
from econsim.cli.log import End
from econsim.domain.audit import facts
from econsim.domain.causality import Causes
from econsim.domain.envelope import Stamp
from econsim.domain.journal import Journal
from econsim.domain.journal_checks import verify
from econsim.domain.ledger import Ledger
from econsim.ports import Entry
from econsim.schemas.ledger import TREASURY, Chain, Kind, Transfer

STAMP = Stamp("run_1", "ab", 0, "1970-01-01T00:00:00.000000000Z")


def cli(*args):
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(arg) for arg in args])


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
    assert shown.output.count(f"econsim {name}") >= 2


def test_why_takes_the_run_as_an_option_in_small_letters() -> None:
    """Typer names an option after its metavar if the two differ in case alone; so it is named by hand."""
    assert "--run " in cli("why", "--help").output


def test_help_loads_nothing_heavy() -> None:
    heavy = {"pydantic", "nats", "faststream", "rich", "altair", "duckdb"}
    code = f"import sys; from econsim.cli import app; app(['--help'], standalone_mode=False); print({heavy} & {{*sys.modules}})"

    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert shown.stdout.endswith("set()\n")


def test_global_options_may_stand_anywhere() -> None:
    args = ["events", "last", "--state", "x", "--limit", "3", "--nats=y", "--", "--creds"]

    assert hoisted(args) == ["--state", "x", "--nats=y", "events", "last", "--limit", "3", "--", "--creds"]


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

    monkeypatch.setattr("econsim.scenario_files.names", stopped)

    shown = cli("scenarios")

    assert (shown.exit_code, shown.stdout, shown.stderr) == (130, "", "stopped\n")


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


def test_a_service_that_is_not_one_is_refused_with_those_there_are() -> None:
    assert "market, ledger, clock, agent" in cli("catalog", "--service", "shop").stderr


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("trade", subjects.TRADE_EXECUTED),
        ("order_rej", subjects.ORDER_REJECTED),
        ("system.opened", subjects.RUN_OPENED),
    ],
)
def test_a_type_may_be_named_by_its_beginning(name: str, subject) -> None:
    assert reading.types_named(name) == {subject.type}


def test_an_unknown_type_is_refused_with_those_there_are() -> None:
    with pytest.raises(errors.NotFound, match="trade_executed"):
        reading.types_named("nonsense")


def test_a_fact_is_one_line_of_tick_time_type_actor_and_what() -> None:
    fact = next(facts(only(small_run(), subjects.TRADE_EXECUTED)[0]))

    shown = reading.line(fact).plain

    assert shown.split()[:2] == [str(fact.tick), "00:00:00.000"]
    assert "trade_executed" in shown
    assert f"{fact.data['buyer']} bought 1 cpu at" in shown


def test_json_lines_hold_the_whole_fact(capsys) -> None:
    fact = next(facts(only(small_run(), subjects.TRADE_EXECUTED)[0]))

    reading.printer(as_json=True)(deque([fact]))

    assert json.loads(capsys.readouterr().out)["data"] == fact.data


def test_why_goes_from_the_root_over_the_fact_to_its_effects() -> None:
    trade = next(facts(only(small_run(), subjects.TRADE_EXECUTED)[0]))

    branch, labels = reading.tree(Causes(small_run()), trade.data["trade_id"]), []
    while branch.children:
        branch = branch.children[0]
        labels.append(branch.label.plain)

    assert [label.split()[0] for label in labels[:3]] == ["opened", "period_opened", "ticked"]
    assert labels[-2].startswith("▶ trade_executed")
    assert labels[-1].startswith("transfer_posted")


def test_a_run_has_ended_when_the_last_entry_of_its_ledger_was_seen() -> None:
    log, end = small_run(), End()
    closed = log[-1]
    entries = [entry for entry in log if "sequence" in entry.data]

    end.see(closed)
    assert (end.closed, end.reached) == (True, False)
    for entry in entries:
        end.see(entry)

    assert end.reached


def stored(count=3):
    """Return what a store holds after some endowments: a journal entry and a balance for each."""
    book, journal = Ledger(), Journal()
    for number in range(count):
        transfer = Transfer(f"t{number}", Kind.TRANSFER, TREASURY, f"agent_{number}", "credits", 5)
        (entry,) = journal.seal(book.apply([Chain(f"c{number}", "endow", (transfer,))]))
        sealed = STAMP.event(subjects.TRANSFER_POSTED, "ledger", entry, number)
        yield Entry(f"run_1.transfer.s{number}", sealed.json(), 2 * number + 1)
        balance = b'{"posted":5,"pending":0,"sequence":%d}' % (number + 1)
        yield Entry(f"run_1.agent_{number}.balance", balance, 2 * number + 2)
    treasury = b'{"posted":%d,"pending":0,"sequence":%d}' % (-5 * count, count)
    yield Entry("run_1.treasury.balance", treasury, 2 * count + 1)


def verified(entries):
    books = ledger.StoredBooks()
    for entry in entries:
        books.fold(entry)
    return ledger.told("run_1", verify(books.entries, books.balances))


def test_books_that_add_up_are_said_to() -> None:
    assert "add up" in verified(stored())[0]
    assert "3 entries, 3 transfers, 4 holders" in verified(stored())[0]


def test_an_edited_journal_record_is_named() -> None:
    entries = list(stored())
    edited = entries[2].value.replace(b'"amount":5', b'"amount":6')
    entries[2] = Entry(entries[2].key, edited, entries[2].revision)

    shown = verified(entries)

    assert "do not add up" in shown[0]
    assert json.loads(edited)["event_id"] in shown[1]
    assert "journal entry 2: hash_differs_from_content" in shown[1]


def test_an_edited_balance_is_named() -> None:
    entries = list(stored())
    entries[1] = Entry(entries[1].key, b'{"posted":50,"pending":0}', entries[1].revision)

    shown = verified(entries)

    assert any("agent_0: balance_differs_from_journal" in line for line in shown)


def test_a_removed_journal_record_is_named() -> None:
    entries = list(stored())
    del entries[2]

    assert "journal entry 3: sequence_has_a_gap" in verified(entries)[1]


def test_a_record_that_cannot_be_read_is_named() -> None:
    with pytest.raises(errors.CorruptJournal, match=r"run_1\.transfer\.s0 at revision 1"):
        verified([Entry("run_1.transfer.s0", b"{", 1)])
