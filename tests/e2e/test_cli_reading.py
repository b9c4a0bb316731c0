"""A run over a real server, read back with the command line from the data it left."""

from __future__ import annotations

import asyncio
import json
import shutil

import duckdb
import pytest
from beancount.loader import load_file
from requirements import requirement
from run_builders import canonical_hash, small_scenario
from superuser import superuser
from typer.testing import CliRunner

from econsim import app, subjects
from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.cli import app as commands
from econsim.cli.run_log import RunLog
from econsim.domain.execution import in_memory
from econsim.errors import NotFound, Unavailable
from econsim.runs.retention import retention_end
from econsim.schemas.admin import TellTrust, TrustChangedEvent
from econsim.schemas.clock import OpenRun, RunOpenedEvent
from econsim.streams import STREAMS

pytestmark = [pytest.mark.nats, pytest.mark.slow]

RUN = "run_1"
UNOPENED = "demo"


def cli(*args):
    """Run the command line in this process."""
    return CliRunner().invoke(commands, [str(arg) for arg in args], catch_exceptions=False)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """Return a state directory with one run, its server stopped."""
    directory = tmp_path_factory.mktemp("state") / "econsim"
    asyncio.run(played(directory))
    return directory


async def played(directory) -> None:
    """Run the small scenario through all services to its end."""
    async with EmbeddedServer(directory) as server:
        client = await connect(server.url, superuser(server), "test")
        await provision.apply(client)
        async with app.running(tuple(app.SERVICES), app.Server(server.url, server.creds)):
            await opened(client)
            let_in = TellTrust(run=UNOPENED, who="anna", change="agent_let_in")
            await ask(client, subjects.TELL_TRUST(operator="test"), let_in, TrustChangedEvent)
            log = RunLog(client, RUN)
            async for _ in log.so_far():
                pass
            async for _ in log.onwards():
                pass
        await client.close()


async def opened(client) -> None:
    """Open the run as soon as the clock listens."""
    request = OpenRun(run=RUN, scenario=small_scenario())
    for _ in range(300):
        try:
            await ask(client, subjects.OPEN_RUN(operator="test"), request, RunOpenedEvent)
        except (NotFound, Unavailable):
            await asyncio.sleep(0.1)
        else:
            return


def test_runs_lists_the_run_as_closed(state) -> None:
    shown = cli("runs", "--json", "--state", state)

    assert shown.exit_code == 0
    [row] = map(json.loads, shown.stdout.splitlines())
    assert [row[key] for key in ("run", "scenario", "state", "ticks")] == [RUN, "test", "closed", 12]


@requirement("log.thirty_days")
def test_lists_and_reports_say_how_long_the_log_keeps_a_run_and_how_to_keep_it(state) -> None:
    listed, reported = cli("runs", "--state", state), cli("report", RUN, "--state", state)

    opened = json.loads(cli("events", RUN, "--json", "--state", state).stdout.splitlines()[0])
    until = retention_end(opened["occurred_at"])
    assert until in listed.stdout
    assert "keeps a run for 30 days; `econsim runs archive RUN` keeps it for good" in listed.stdout
    assert f"until {until}; `econsim runs archive run_1` keeps it for good" in reported.stdout
    assert f"keeps this run until {until}" in (state / "runs" / RUN / "report.html").read_text()


def test_what_an_operator_commanded_stands_at_the_tick_that_was_open(state) -> None:
    facts = [json.loads(line) for line in cli("events", RUN, "--json", "--state", state).stdout.splitlines()]

    commanded = [place for place, fact in enumerate(facts) if fact["type"] == subjects.COMMANDED.type]

    ticks = [fact["tick"] for fact in facts[: commanded[0]] if fact["type"] == subjects.TICKED.type]
    assert [facts[place]["tick"] for place in commanded] == [max(ticks, default=0)]


def spans_of(state, *words) -> list[dict]:
    return [json.loads(line) for line in cli("trace", *words, "--json", "--state", state).stdout.splitlines()]


@requirement("trace.otel")
def test_a_run_that_nobody_traced_has_a_trace_a_tick_with_a_span_for_each_fact(state) -> None:
    facts = [json.loads(line) for line in cli("events", RUN, "--json", "--state", state).stdout.splitlines()]

    spans = spans_of(state, RUN)

    assert len(spans) == len(facts)
    assert spans == spans_of(state) == spans_of(state, "--follow")
    assert {span["attributes"]["econsim.tick"] for span in spans_of(state, RUN, "--tick", 3)} == {3}


def test_trace_shows_the_lengths_of_all_spans_a_tick_and_what_led_to_a_trade(state) -> None:
    [trade] = cli("events", "--type", "trade", "--limit", 1, "--json", "--state", state).stdout.splitlines()
    trade_id = json.loads(trade)["data"]["trade_id"]

    profile, tick, event = (
        cli("trace", *words, "--state", state).stdout for words in ((), (RUN, "--tick", 2), (trade_id,))
    )

    assert "slowest ticks: " in profile
    assert "tick_cleared" in tick
    assert [line.split()[0] for line in event.splitlines()[2:]][:3] in (
        ["tick", "bid_accepted", "trade_executed"],
        ["tick", "ask_accepted", "trade_executed"],
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing_like_it",), "'nothing_like_it' is no run"),
        ((RUN, "--tick", 99), "run run_1 has no tick 99"),
        ((RUN, "--otlp", "collector"), "write it like http://127.0.0.1:4318"),
        ((RUN, "--follow"), "--follow goes with --otlp or --json"),
    ],
)
def test_trace_says_what_is_not_there(state, words, said) -> None:
    shown = cli("trace", *words, "--state", state)

    assert shown.exit_code in (1, 2)
    assert said in " ".join(shown.stderr.split())


def test_events_filters_by_type_and_actor_and_shows_the_newest(state) -> None:
    shown = cli(
        "events", "last", "--type", "trade", "--actor", "buyer_001", "--limit", 1, "--json", "--state", state
    )

    (fact,) = map(json.loads, shown.stdout.splitlines())
    assert fact["type"] == subjects.TRADE_EXECUTED.type
    assert fact["data"]["buyer"] == "buyer_001"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--type", "trade"),
        ("--type", "order", "--actor", "buyer_001"),
        ("--type", "trade", "--actor", "clock"),
        ("--type", "commanded"),
    ],
)
def test_the_newest_facts_are_the_last_of_all(state, words) -> None:
    def lines(*more):
        return cli("events", RUN, *words, *more, "--json", "--state", state).stdout.splitlines()

    every = lines()

    assert lines("--limit", 3) == every[-3:]
    assert lines("--limit", 1_000_000) == every


@pytest.mark.parametrize(
    "words", [("events", RUN, "--actor", "buyer_01"), ("quota", "show", RUN, "--agent", "buyer_01")]
)
def test_an_agent_that_is_not_in_the_run_is_answered_with_the_nearest(state, words) -> None:
    shown = cli(*words, "--state", state)

    assert (shown.exit_code, shown.stdout) == (1, "")
    assert f"there is no agent 'buyer_01' in run {RUN}; did you mean 'buyer_0" in shown.stderr


def test_who_is_no_agent_may_be_asked_for_too(state) -> None:
    assert cli("events", RUN, "--actor", "treasury", "--limit", 1, "--state", state).exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("runs",), ("events", RUN), ("events", RUN, "--json"), ("why", "buyer_001-1-0"), ("report", RUN),
        ("ledger", "verify", RUN), ("ledger", "balances", RUN), ("quota", "show", RUN), ("dead-letters", "list"),
        ("streams", "plan"), ("trust", "show"), ("agent", "list"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_read_back_is_printed_in_plain_characters(state, words) -> None:
    done = CliRunner(charset="ascii").invoke(commands, [*words, "--state", str(state)])

    assert isinstance(done.exception, SystemExit | None), done.exception
    assert done.stdout_bytes.decode("ascii") + done.stderr_bytes.decode("ascii")
    assert "UnicodeEncodeError" not in done.output


def test_following_a_closed_run_ends(state) -> None:
    shown = cli("events", RUN, "--follow", "--type", "system", "--state", state)

    lines = shown.stdout.splitlines()
    assert lines[0].endswith("run run_1 of scenario test opened")
    assert lines[-1].endswith("run run_1 closed after 12 ticks")


@requirement("log.causal_graph")
def test_why_explains_a_trade_from_the_opening_of_the_run(state) -> None:
    newest = cli("events", "--type", "trade", "--limit", 1, "--json", "--state", state)
    trade = json.loads(newest.stdout)["data"]["trade_id"]

    shown = cli("why", trade, "--run", RUN, "--state", state)

    assert shown.stdout.startswith("opened run run_1")
    assert "▶ trade_executed" in shown.stdout
    assert "transfer_posted" in shown.stdout


@pytest.mark.parametrize("type_", ["trade", "bid", "order_canc", "transfer_p", "ticked"])
def test_why_shows_from_a_part_of_the_log_what_the_whole_log_shows(state, type_) -> None:
    newest = cli("events", RUN, "--type", type_, "--limit", 1, "--json", "--state", state)
    event = json.loads(newest.stdout)["event_id"].partition(".")[0]

    part, whole = (cli("why", id_, "--run", RUN, "--state", state) for id_ in (event, event[:-1]))

    assert part.stdout == whole.stdout
    assert "▶" in part.stdout


def test_why_names_the_run_in_which_there_is_no_such_thing(state) -> None:
    shown = cli("why", "nonsense", "--state", state)

    assert shown.exit_code == 1
    assert "'nonsense'" in shown.stderr
    assert RUN in shown.stderr


def test_the_books_of_the_run_add_up(state) -> None:
    shown = cli("ledger", "verify", RUN, "--state", state)

    assert shown.exit_code == 0, shown.stdout
    assert "the books of run_1 add up" in shown.stdout


def test_a_balance_written_past_the_ledger_is_found(state, tmp_path) -> None:
    forged = tmp_path / "forged"
    shutil.copytree(state, forged)

    async def forge() -> None:
        async with EmbeddedServer(forged) as server:
            client = await connect(server.url, superuser(server), "test")
            balance = b'{"posted":1000000000,"pending":0,"sequence":1}'
            await client.jetstream().publish(f"$KV.agent_state.{RUN}.buyer_001.balance", balance)
            await client.close()

    asyncio.run(forge())
    shown = cli("ledger", "verify", RUN, "--state", forged)

    assert shown.exit_code == 1
    assert "buyer_001: balance_differs_from_journal" in shown.stdout


def test_balances_show_every_holder(state) -> None:
    shown = cli("ledger", "balances", "--state", state)

    assert "treasury" in shown.stdout
    assert "seller_011" in shown.stdout


def test_export_writes_tables_that_agree_with_the_log(state, tmp_path) -> None:
    shown = cli("export", "last", "--parquet", tmp_path / "tables", "--state", state)
    trades = cli("events", "--type", "trade", "--json", "--state", state).stdout.count("\n")

    with duckdb.connect() as connection:
        ((count,),) = connection.sql(
            f"FROM '{tmp_path / 'tables/trades.parquet'}' SELECT count(*)"
        ).fetchall()
    assert shown.exit_code == 0
    assert count == trades > 0


def test_export_writes_events_tables_and_the_ledger_in_one_reading(state, tmp_path) -> None:
    events, ledger = tmp_path / "events.jsonl", tmp_path / "run.beancount"
    shown = cli("export", "last", "--jsonl", events, "--cloudevents", "--beancount", ledger, "--state", state)
    trades = cli("export", "last", "--jsonl", tmp_path / "t.jsonl", "--table", "trades", "--state", state)
    facts = cli("events", "--type", "trade", "--json", "--state", state).stdout.count("\n")

    lines = [json.loads(line) for line in events.read_text().splitlines()]
    assert (shown.exit_code, trades.exit_code) == (0, 0)
    assert {line["specversion"] for line in lines} == {"1.0"}
    assert f"events.jsonl: {len(lines)} events" in "".join(shown.stdout.split("\n"))
    assert len((tmp_path / "t.jsonl").read_text().splitlines()) == facts > 0
    assert load_file(str(ledger))[1] == []


@requirement("benchmark.reproducible")
def test_the_report_has_the_hash_of_the_same_run_in_process(state, tmp_path) -> None:
    shown = cli("report", RUN, "--output", tmp_path / "report.html", "--state", state)

    wanted = canonical_hash(in_memory.run(small_scenario()))
    assert wanted in shown.stdout
    assert wanted in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_figure_of_the_log_is_written_in_the_form_that_its_file_names(state, tmp_path) -> None:
    listed = cli("figure", RUN, "--state", state)
    written = [
        cli("figure", RUN, "cpu_prices", "-o", tmp_path / f"f.{end}", "--state", state)
        for end in ("svg", "csv")
    ]
    unknown = cli("figure", RUN, "cpu_price", "--state", state)

    assert "cpu_prices" in listed.stdout
    assert [each.exit_code for each in written] == [0, 0]
    assert f"run {RUN}" in (tmp_path / "f.svg").read_text(encoding="utf-8")
    assert (tmp_path / "f.csv").read_text(encoding="utf-8").startswith("table,")
    assert (unknown.exit_code, "did you mean 'cpu_prices'?" in unknown.stderr) == (1, True)


def test_streams_are_as_declared(state) -> None:
    shown = cli("streams", "plan", "--state", state)

    assert shown.exit_code == 0
    # A single server forgets what is in memory; the admin service declares it anew when it runs.
    wanted = {s.name: "create" if s.storage == "memory" else "keep" for s in STREAMS}
    found = dict(line.split()[1::-1] for line in shown.stdout.splitlines())
    assert found == wanted


async def test_a_running_server_is_used_by_state_or_by_name(state) -> None:
    async with EmbeddedServer(state) as server:
        attached = await asyncio.to_thread(cli, "runs", "--state", state)
        named = await asyncio.to_thread(
            cli, "runs", "--nats", server.url, "--creds", state / "trust" / "creds", "--state", "nowhere"
        )

    assert attached.stdout == named.stdout
    assert RUN in attached.stdout


def test_a_run_that_does_not_exist_is_named(state) -> None:
    shown = cli("report", "run_2", "--state", state)

    assert shown.exit_code == 1
    assert "'run_2' in the log; did you mean 'run_1'?" in shown.stderr
    assert "econsim runs" in shown.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("events", UNOPENED),
        ("why", "deal.1", "--run", UNOPENED),
        ("report", UNOPENED),
        ("export", UNOPENED, "--parquet", "tables"),
        ("ledger", "verify", UNOPENED),
        ("ledger", "balances", UNOPENED),
        ("resume", UNOPENED),
    ],
    ids=" ".join,
)
def test_a_run_that_an_agent_was_let_into_before_it_was_opened_lost_nothing(
    state, tmp_path, monkeypatch, words
) -> None:
    monkeypatch.chdir(tmp_path)

    shown = cli(*words, "--state", state)

    assert shown.exit_code == 1
    assert f"run '{UNOPENED}' was not opened yet" in shown.stderr
    assert "gone" not in shown.stderr


def test_events_about_no_run_are_no_damaged_run(state) -> None:
    shown = cli("ledger", "verify", "none", "--state", state)

    assert shown.exit_code == 1
    assert "'none' stands for events about no run" in shown.stderr
