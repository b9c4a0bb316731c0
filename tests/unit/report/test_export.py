"""Parquet files of a run. Catches: rows lost or doubled, sums that differ from the log."""

from __future__ import annotations

import json
from dataclasses import replace

import duckdb
import pytest
from factories import bid, cancel, replace_order
from requirements import requirement
from run_builders import records, small_run, small_scenario, summed

from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.facts import record
from econsim.domain.execution.in_memory import run
from econsim.domain.market.order_terms import rejection
from econsim.report.event_lines import event_text
from econsim.report.export import Export, export
from econsim.report.table_definitions import TABLES
from econsim.schemas.market import Rejected
from econsim.subjects import ORDER_REJECTED, PRICE_UPDATED


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run's files")
    return directory, export(small_run("zi_c"), directory)


def query(directory, sql):
    """Return rows; tables are written as {name}."""
    quoted = str(directory).replace("'", "''")
    tables = {name: f"'{quoted}/{name}.parquet'" for name in TABLES}
    with duckdb.connect() as connection:
        return connection.sql(sql.format_map(tables)).fetchall()


def test_every_table_has_the_rows_it_says(exported):
    directory, rows = exported

    assert rows == {name: query(directory, f"FROM {{{name}}} SELECT count(*)")[0][0] for name in TABLES}
    assert rows["events"] == len(small_run("zi_c"))
    assert rows["ticks"] == 12
    assert rows["trades"] == summed(small_run("zi_c")).trades > 0


@requirement("log.envelope")
def test_events_keep_envelope_and_data(exported):
    entry = small_run("zi_c")[5]

    ((subject, tick, data),) = query(
        exported[0], f"FROM {{events}} SELECT subject, tick, data WHERE event_id = '{entry.event_id}'"
    )

    assert (subject, tick, json.loads(data)) == (entry.subject, entry.tick, entry.data)


def test_white_space_between_the_parts_of_an_events_json_breaks_no_line(tmp_path):
    opened, *log = small_run("zi_c")
    entry = next(each for each in log if each.type == ORDER_REJECTED.type)
    text = event_text(entry).replace('"data":{', '"data":{\r\t')
    other = record(entry.subject, text.replace(entry.event_id, "other"))

    export([opened, record(entry.subject, text), replace(other, trace_id="a\nb\x1fc")], tmp_path)

    found = query(tmp_path, "FROM {events} SELECT data, trace_id WHERE type = 'market.order_rejected'")
    assert [(json.loads(data), trace) for data, trace in found] == [(entry.data, None), (entry.data, "a b c")]
    ((rows,),) = query(tmp_path, "FROM {orders} SELECT count(*)")
    assert rows == 2 * len(entry.items)


def test_who_trades_is_known(exported):
    unknown = query(
        exported[0], "FROM {trades} SELECT count(*) WHERE buyer NOT IN (FROM {agents} SELECT agent)"
    )
    who = query(exported[0], "FROM {agents} SELECT policy, host, balance_ref ORDER BY agent LIMIT 1")

    name = small_run("zi_c")[0].correlation_id
    assert unknown == [(0,)]
    assert who == [("zi_c", "host_1", f"{name}.buyer_001.balance")]


def test_orders_are_filled_as_trades_say(exported):
    ((filled, traded),) = query(
        exported[0], "SELECT (FROM {orders} SELECT sum(filled)), (FROM {trades} SELECT 2 * sum(quantity))"
    )

    assert filled == traded


def test_orders_tell_refusals_too(exported):
    rejected = summed(small_run("zi_c")).markets[0].rejected

    assert (
        dict(
            query(
                exported[0], "FROM {orders} SELECT rejected, count(*) WHERE rejected IS NOT NULL GROUP BY ALL"
            )
        )
        == rejected
    )


def test_balances_end_where_the_ledger_ended(exported):
    last = dict(
        query(
            exported[0],
            "FROM {balances} SELECT holder, arg_max(posted, (sequence, place)) WHERE asset = 'credits' GROUP BY ALL",
        )
    )

    assert {holder.agent: last[holder.agent] for holder in summed(small_run("zi_c")).holders} == {
        holder.agent: holder.credits for holder in summed(small_run("zi_c")).holders
    }


def test_every_asset_is_conserved(exported):
    changes = query(exported[0], "FROM {balances} SELECT asset, sum(change) GROUP BY ALL ORDER BY asset")

    assert changes == [("cpu", 0), ("credits", 0)]


def test_tables_tell_run_and_period_and_exact_credits(exported):
    for table, amount in (
        ("trades", "price"),
        ("quotes", "ask"),
        ("prices", "price"),
        ("balances", "posted"),
    ):
        wrong = f"1000000 * {amount}_credits != {amount} OR period != CASE WHEN tick > 6 THEN 2 ELSE 1 END"
        found = query(
            exported[0],
            f"FROM {{{table}}} SELECT DISTINCT run, ({wrong}) WHERE tick > 0 AND {amount}_credits IS NOT NULL",
        )
        assert found == [("run_1", False)], table


def test_quotes_are_the_changes_of_the_best_bid_and_ask(tmp_path):
    opened, *log = small_run("zi_c")
    told = next(entry for entry in log if entry.type == PRICE_UPDATED.type)
    quotes = [(1, 5, 9), (2, 5, 9), (3, 5, 8), (4, 6, 8), (5, None, 8), (6, None, 8)]

    export(
        [
            opened,
            *(
                replace(told, tick=tick, content=told.data | {"quote": {"bid": bid, "ask": ask}})
                for tick, bid, ask in quotes
            ),
        ],
        tmp_path,
    )

    assert query(tmp_path, "FROM {prices} SELECT tick, bid, ask") == quotes
    assert query(tmp_path, "FROM {quotes} SELECT tick, bid, ask") == [
        each for each in quotes if each[0] not in {2, 6}
    ]


def test_surplus_can_be_computed_from_trades_alone(exported):
    told = summed(small_run("zi_c")).markets[0].periods

    found = query(
        exported[0],
        "FROM {trades} SELECT period, sum(buyer_value - seller_cost) GROUP BY period ORDER BY period",
    )
    gains = query(
        exported[0],
        "FROM {trades} SELECT min(buyer_value - price * quantity), min(price * quantity - seller_cost)",
    )

    assert found == [(day.number, day.surplus) for day in told]
    assert min(gains[0]) >= 0


def test_periods_are_those_of_the_report(exported):
    summary = summed(small_run("zi_c"))
    market = summary.markets[0]

    assert query(exported[0], "FROM {runs} SELECT efficiency") == [(summary.efficiency,)]
    columns = "period, first_tick, last_tick, whole, volume, surplus, efficiency, alpha, mean_price, equilibrium_quantity"
    assert query(exported[0], f"FROM {{periods}} SELECT {columns}") == [
        (
            day.number,
            6 * day.number - 5,
            6 * day.number,
            True,
            day.volume,
            day.surplus,
            day.efficiency,
            day.alpha,
            day.mean_price,
            market.equilibrium.quantity,
        )
        for day in market.periods
    ]


def test_a_run_cut_short_says_how_far_it_came(tmp_path):
    log = small_run("zi_c")
    cut = next(at for at, entry in enumerate(log) if entry.tick == 9)

    export(log[:cut], tmp_path)

    assert query(tmp_path, "FROM {runs} SELECT state, ticks, periods, periods_wanted") == [("open", 8, 2, 2)]
    assert query(tmp_path, "FROM {periods} SELECT last_tick, whole") == [(6, True), (8, False)]


def test_several_runs_stand_in_one_table_each_with_its_treatment(tmp_path):
    with Export() as tables:
        for number, policy in enumerate(("zi_c", "zip")):
            tables.begin(f"only_{policy}")
            for entry in records(small_scenario(policy, seed=number), f"run_{number}"):
                tables.add(entry)
        tables.write(tmp_path)

    assert query(tmp_path, "FROM {runs} SELECT run, seed, treatment") == [
        ("run_0", 0, "only_zi_c"),
        ("run_1", 1, "only_zip"),
    ]
    for table in TABLES.keys() - {"verdicts"}:
        told = query(tmp_path, f"FROM {{{table}}} SELECT DISTINCT run, seed, scenario, treatment ORDER BY 1")
        assert told == [("run_0", 0, "test", "only_zi_c"), ("run_1", 1, "test", "only_zip")], table


def test_orders_of_two_runs_with_the_same_ids_are_filled_apart(tmp_path, exported):
    with Export() as tables:
        for _ in range(2):
            tables.begin()
            for entry in small_run("zi_c"):
                tables.add(entry)
        tables.write(tmp_path)

    sums = "sum(filled), sum(cancelled), count(*)"
    ((filled, cancelled, count),) = query(exported[0], f"FROM {{orders}} SELECT {sums}")
    assert query(tmp_path, f"FROM {{orders}} SELECT {sums}") == [(2 * filled, 2 * cancelled, 2 * count)]
    last = (
        "FROM {balances} SELECT holder, asset, arg_max(posted, (sequence, place)) GROUP BY ALL ORDER BY ALL"
    )
    assert query(tmp_path, last) == query(exported[0], last)


def test_files_have_the_types_of_the_definitions_and_say_what_each_column_means(exported):
    for name, table in TABLES.items():
        types = query(exported[0], f"SELECT column_name, column_type FROM (DESCRIBE FROM {{{name}}})")
        meta = dict(
            query(exported[0], f"SELECT decode(key), decode(value) FROM parquet_kv_metadata({{{name}}})")
        )

        assert [(column, kind.replace(",", ", ")) for column, kind in types] == [
            (column.name, column.kind) for column in table.columns
        ]
        assert meta["econsim.table"] == table.text
        assert json.loads(meta["econsim.columns"]) == {column.name: column.text for column in table.columns}


def test_verdicts_are_those_of_the_report(tmp_path):
    events = [{"form": "conservation"}, {"form": "never", "event": {"type": "trade_executed"}}]
    measure = {"measure": "efficiency", "resource": "cpu", "value": 50, "tolerance": 60, "source": "none"}
    log = records(small_scenario("zi_c", expectations=[measure, *events]))

    export(log, tmp_path)

    found = query(tmp_path, "FROM {verdicts} SELECT form, outcome, witness")
    judged = summed(log).judged
    assert found == [
        ("measure", "holds", []),
        ("conservation", "holds", []),
        ("never", "fails", [each.event_id for each in judged[1].witness]),
    ]
    assert judged[1].witness


def test_a_run_that_goes_on_is_judged_so_far(tmp_path):
    log = records(small_scenario("zi_c", expectations=[{"form": "conservation"}]))

    export(log[:20], tmp_path)

    assert query(tmp_path, "FROM {verdicts} SELECT outcome") == [("so_far_true",)]


def test_rows_of_a_table_are_lines_of_json_too(exported, tmp_path):
    with Export() as tables:
        for entry in small_run("zi_c"):
            tables.add(entry)
        count = tables.write_lines("trades", tmp_path / "new" / "trades.jsonl")

    lines = [json.loads(line) for line in (tmp_path / "new" / "trades.jsonl").read_text().splitlines()]
    assert count == len(lines)
    assert [(line["trade_id"], line["price"]) for line in lines] == query(
        exported[0], "FROM {trades} SELECT trade_id, price ORDER BY tick, resource, n"
    )


def test_files_of_an_earlier_export_are_replaced(tmp_path):
    log = small_run("zi_c")
    export(log[:5], tmp_path)

    assert export(log, tmp_path)["events"] == len(log)


def test_events_as_they_stand_in_the_log_make_the_same_files(exported, tmp_path):
    stored = (record(each.subject, each.json()) for each in run(small_scenario("zi_c"), "run_1", "ab"))

    export(stored, tmp_path)

    for name in TABLES:
        assert (tmp_path / f"{name}.parquet").read_bytes() == (exported[0] / f"{name}.parquet").read_bytes()


def test_an_empty_log_gives_empty_tables(tmp_path):
    assert set(export([], tmp_path).values()) == {0}


def test_refused_orders_and_refused_cancels_are_distinct_rows_with_their_verb(tmp_path):
    envelope, asked = (
        Envelope("run", "salt", 1, "now"),
        [
            rejection(1, cancel("anna", "gone"), "order_not_found"),
            rejection(2, bid("anna", "high", 3, 2), "debit_account_would_go_negative"),
            rejection(3, replace_order("anna", "old", "new", 4), "order_not_found"),
        ],
    )
    export([envelope.event(ORDER_REJECTED, "market", Rejected(items=tuple(asked)), resource="cpu")], tmp_path)

    columns = "order_id, verb, side, price, quantity, kind, replaces"

    assert query(tmp_path, f"FROM {{orders}} SELECT {columns} ORDER BY n") == [
        ("gone", "cancel", None, None, None, None, None),
        ("high", "bid", "bid", 3, 2, "limit", None),
        ("new", "replace", None, 4, 1, None, "old"),
    ]


def test_periods_and_trades_have_the_references_and_the_tax_of_their_period(tmp_path):
    changes = [
        {"first_period": 2, "market": "cpu", "price_ceiling": 1.5},
        {"first_period": 3, "group": "buyer", "shift": 1},
        {"first_period": 3, "market": "cpu", "tax": 0.5},
    ]
    clock = {"periods": 3, "ticks_per_period": 2}
    log = records(small_scenario("truthful", "call_auction", clock=clock, changes=changes))
    export(log, tmp_path)

    days = query(
        tmp_path,
        "FROM {periods} SELECT surplus_max, constrained_surplus_max, equilibrium_low, constrained_low, "
        "efficiency = surplus / surplus_max, constrained_efficiency = surplus / constrained_surplus_max, tax, volume",
    )
    sums = query(
        tmp_path,
        "FROM {trades} SELECT sum(buyer_value - seller_cost), sum(buyer_tax), sum(seller_tax) GROUP BY period ORDER BY period",
    )
    market = summed(log).markets[0]
    assert [day[:4] for day in days] == [
        (
            p.equilibrium.surplus_max,
            p.constrained.surplus_max,
            p.equilibrium.price_low,
            p.constrained.price_low,
        )
        for p in market.periods
    ]
    assert len({day[:4] for day in days}) == 3
    assert [day[4:7] for day in days] == [
        (True, True, 0),
        (True, True, 0),
        (True, True, days[2][7] * 500_000),
    ]
    assert [tuple(map(int, each)) for each in sums] == [(p.surplus, p.tax, 0) for p in market.periods]
