"""Tables of a run for analysis: their names, columns, types, units and meanings.

One definition for Parquet files, lines of JSON and the page docs/reference/data.md. `table_queries` says how the rows are made of events.
Imports nothing heavy, because commands list the names of the tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

CREDITS_TYPE: Final = "DECIMAL(25, 6)"
"""Type of exact credits, as DuckDB writes it: every amount of micro-credits fits."""


@dataclass(frozen=True, slots=True)
class DataColumn:
    """A column of a table."""

    name: str
    """Name of the column."""
    kind: str
    """Type, as DuckDB writes it."""
    text: str
    """Meaning: what it holds, with the unit, and when it is empty."""


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table of one or more runs."""

    name: str
    """Name of the table, and of its file."""
    text: str
    """Meaning of a row."""
    columns: tuple[DataColumn, ...]
    """Columns in order."""

    def column(self, name: str) -> DataColumn:
        """Return the column of a name; raises KeyError without one."""
        return {each.name: each for each in self.columns}[name]


def _text(name: str, text: str) -> DataColumn:
    return DataColumn(name, "VARCHAR", text)


def _whole(name: str, text: str) -> DataColumn:
    return DataColumn(name, "BIGINT", text)


def _number(name: str, text: str) -> DataColumn:
    return DataColumn(name, "DOUBLE", text)


def _money(name: str, text: str) -> tuple[DataColumn, DataColumn]:
    """Return an amount twice: whole micro-credits to compute with, exact credits to read."""
    return (
        DataColumn(name, "BIGINT", f"{text}, micro-credits"),
        DataColumn(f"{name}_credits", CREDITS_TYPE, f"{text}, credits"),
    )


def _table(name: str, text: str, *columns: DataColumn | Iterable[DataColumn]) -> DataTable:
    flat = [each for part in columns for each in ((part,) if isinstance(part, DataColumn) else part)]
    return DataTable(name, text, (*RUN_COLUMNS, *flat))


RUN_COLUMNS: Final = (
    _text("run", "id of the run"),
    _whole("seed", "seed of the run"),
    _text("scenario", "name of the scenario"),
    _text("treatment", "treatment of the run in a study, as its export was asked for; empty without one"),
)
"""First columns of every table: tables of several runs stand below each other, and are told apart by these."""

_PERIOD: Final = _whole("period", "trading day, from 1; empty before the first tick")
_TICK: Final = _whole("tick", "logical time, from 1; 0 before the first tick")
_RESOURCE: Final = _text("resource", "what is traded: the name of its market")
_N: Final = _whole("n", "order of the facts of one market in the run, without gaps")
_PLACE: Final = (
    _whole("sequence", "entry of the ledger's journal, from 1"),
    _whole("place", "place of the transfer in its entry, from 1"),
)

_LIST: Final = (
    _table(
        "runs",
        "A row for each run.",
        _text("title", "what the scenario shows, in its own words"),
        _text(
            "opened_at", "time of the opening, RFC 3339, UTC; 1970 in memory, where only logical time passes"
        ),
        _text("state", "how far it came: `closed`, `failed`, `stopped` or `open`"),
        _text("failure", "reason why it ended early; empty if it did not"),
        _whole("ticks", "ticks so far"),
        _whole("periods", "trading days so far; the last one of a run cut short is not whole"),
        _whole("periods_wanted", "trading days of the scenario"),
        _number("efficiency", "surplus over the most possible in all markets and periods so far, a fraction"),
        _money("tax", "taxes paid on trades so far; negative for subsidies"),
    ),
    _table(
        "periods",
        "A row for each trading day and market: the figures of the report.",
        _PERIOD,
        _RESOURCE,
        _text("mechanism", "mechanism of the market"),
        _whole("first_tick", "first tick of the day"),
        _whole("last_tick", "last tick of the day so far"),
        DataColumn("whole", "BOOLEAN", "false for the day at which the run was cut short"),
        _whole("trades", "trades"),
        _whole("volume", "units traded"),
        _number("mean_price", "mean price over units, credits; empty without a trade"),
        _money("surplus", "values of the units bought less costs of the units sold"),
        _money("surplus_max", "largest surplus of the day's schedule, without price limits and taxes"),
        _number("efficiency", "surplus over surplus_max, a fraction; empty where no surplus is possible"),
        _number("alpha", "Smith's alpha: how far prices stray from the equilibrium price, percent of it"),
        _money(
            "equilibrium_low", "lowest equilibrium price of the day's schedule; empty if nothing bounds it"
        ),
        _money(
            "equilibrium_high", "highest equilibrium price of the day's schedule; empty if nothing bounds it"
        ),
        _whole("equilibrium_quantity", "units traded in that equilibrium"),
        _money("constrained_surplus_max", "largest surplus within the day's price limits and after its tax"),
        _number(
            "constrained_efficiency",
            "surplus over constrained_surplus_max, a fraction; empty where no surplus is possible",
        ),
        _number(
            "constrained_alpha",
            "Smith's alpha around the equilibrium price within price limits and after tax",
        ),
        _money(
            "constrained_low",
            "lowest equilibrium price within price limits and after tax; empty if nothing bounds it",
        ),
        _money(
            "constrained_high",
            "highest equilibrium price within price limits and after tax; empty if nothing bounds it",
        ),
        _whole("constrained_quantity", "units traded in that equilibrium"),
        _money("tax", "tax on the units traded; negative for a subsidy"),
    ),
    _table(
        "trades",
        "A row for each trade. Its surplus is buyer_value - seller_cost; the buyer gains buyer_value - price * quantity "
        "- buyer_tax, the seller price * quantity - seller_cost - seller_tax.",
        _PERIOD,
        _TICK,
        _RESOURCE,
        _N,
        _text("trade_id", "id of the trade"),
        _money("price", "price of one unit"),
        _whole("quantity", "units"),
        _text("buyer", "agent that bought"),
        _text("buyer_group", "its group"),
        _text("seller", "agent that sold"),
        _text("seller_group", "its group"),
        _money(
            "buyer_value",
            "private value of these units to the buyer, together; empty if it has no value there",
        ),
        _money(
            "seller_cost",
            "private cost of these units to the seller, together; empty if it has no cost there",
        ),
        _money(
            "buyer_tax", "tax that the buyer paid for these units beside the price; negative for a subsidy"
        ),
        _money(
            "seller_tax", "tax that the seller paid for these units out of the price; negative for a subsidy"
        ),
        _text("bid_id", "id of the bid"),
        _text("ask_id", "id of the ask"),
        _text("taker", "side that came later: `bid` or `ask`; empty in a call"),
    ),
    _table(
        "orders",
        "A row for each order that was accepted, and each command that was refused.",
        _PERIOD,
        _TICK,
        _RESOURCE,
        _N,
        _text("order_id", "id of the order"),
        _text("agent", "agent that sent it"),
        _text(
            "verb",
            "kind of command: `bid`, `ask`, `replace` or `cancel`; a refused `cancel` is no refused order",
        ),
        _text("side", "`bid` or `ask`; empty for a refused replacement or cancel"),
        _text("kind", "`limit`, `market` or another kind of order"),
        _money("price", "limit of the price of one unit; empty without one"),
        _whole("quantity", "units asked for"),
        _text("replaces", "order that it replaces; empty for a new one"),
        _whole("filled", "units traded so far"),
        _whole("cancelled_tick", "tick at which the rest was cancelled; empty if it was not"),
        _whole("cancelled", "units cancelled"),
        _text("reason", "why they were cancelled"),
        _text("rejected", "code of the refusal; empty if it was accepted"),
    ),
    _table(
        "quotes",
        "A row for each change of a market's best bid or ask, at the end of a tick.",
        _PERIOD,
        _TICK,
        _RESOURCE,
        _money("bid", "best bid; empty without one"),
        _money("ask", "best ask; empty without one"),
        _money("spread", "ask less bid"),
    ),
    _table(
        "prices",
        "A row for each tick with a new price or quote.",
        _PERIOD,
        _TICK,
        _RESOURCE,
        _money("price", "price of the newest trade; empty before the first"),
        _money("bid", "best bid; empty without one"),
        _money("ask", "best ask; empty without one"),
        _whole("volume", "units traded at this tick"),
    ),
    _table(
        "agents",
        "A row for each agent that other tables name.",
        _text("agent", "id of the agent"),
        _text("group_name", "group of the agent in the scenario"),
        _text("policy", "policy by which it decides"),
        _text("host", "host that runs it; empty for an external agent"),
        _text("balance_ref", "name of its balance"),
        _money("endowment", "money dealt to it when the run opened"),
    ),
    _table(
        "transfers",
        "A row for each transfer of the ledger, in its order.",
        _PERIOD,
        _TICK,
        _PLACE,
        _text("chain", "id of the chain, whose transfers all happen or none"),
        _text("cause", "what the chain is about"),
        _text("id", "id of the transfer"),
        _text("kind", "`transfer`, `pending`, `post`, `void`, …"),
        _text("debit", "holder that gives"),
        _text("credit", "holder that gets"),
        _text("asset", "`credits`, `debt`, or a resource"),
        _whole("amount", "micro-credits of money, units of a resource"),
        DataColumn("amount_credits", CREDITS_TYPE, "the same in credits; empty for a resource"),
        _text("pending_id", "reservation that it ends; empty for others"),
    ),
    _table(
        "balances",
        "A row for each change of what a holder owns.",
        _PERIOD,
        _TICK,
        _PLACE,
        _text("holder", "agent, or account of the system"),
        _text("asset", "`credits`, `debt`, or a resource"),
        _whole("change", "change: micro-credits of money, units of a resource"),
        DataColumn("change_credits", CREDITS_TYPE, "the same in credits; empty for a resource"),
        _whole("posted", "what it owns after it, in the same unit"),
        DataColumn("posted_credits", CREDITS_TYPE, "the same in credits; empty for a resource"),
    ),
    _table(
        "ticks",
        "A row for each tick.",
        _PERIOD,
        _TICK,
        _whole("tick_of_period", "number of the tick in its trading day, from 1"),
    ),
    _table(
        "verdicts",
        "A row for each expectation of the scenario, in its order; of a run that goes on, what can be said so far.",
        _text("name", "name of the expectation"),
        _text("form", "form of the expectation"),
        _text("outcome", "`holds`, `fails`, or what can be said"),
        _text("message", "the verdict as a sentence"),
        _text("missed_by", "by how much it failed"),
        DataColumn("witness", "VARCHAR[]", "ids of the facts that decide"),
        _text("nearest", "id of the nearest miss"),
        DataColumn("expectation", "JSON", "the expectation as the scenario has it"),
    ),
    _table(
        "events",
        "A row for each event, in the order of the log.",
        _PERIOD,
        _TICK,
        _text("subject", "subject of the event"),
        _text("event_id", "id of the event"),
        _text("type", "type, `<domain>.<action>`"),
        _text("occurred_at", "time, RFC 3339, UTC"),
        _text("actor", "who caused it"),
        _text("causation_id", "id of its cause"),
        _text("trace_id", "W3C trace id"),
        DataColumn("data", "JSON", "its data, as docs/reference/asyncapi.json describes them"),
    ),
)

TABLES: Final = {table.name: table for table in _LIST}
"""Name → table, in the order of the documentation."""


def dictionary_page() -> str:
    """Return the page of all tables and columns, in Markdown."""
    lines = [
        "# Data",
        "",
        "The tables that `econsim export` writes, one Parquet file each; `--jsonl FILE --table NAME` writes one as lines of JSON.",
        "This page is made by `econsim catalog --data`; the same texts stand in each file's metadata, under the keys `econsim.table` and",
        "`econsim.columns`.",
        "",
        "Amounts of money stand twice: whole micro-credits (`BIGINT`, a millionth of a credit) to compute with, and exact credits",
        f"(`{CREDITS_TYPE}`) in a column whose name ends in `_credits`. Every table begins with these columns, so that tables of several runs",
        "can be stacked:",
        "",
        *_rows(RUN_COLUMNS),
    ]
    for table in TABLES.values():
        own = table.columns[len(RUN_COLUMNS) :]
        lines += ["", f"## {table.name}", "", table.text, "", *_rows(own)]
    return "\n".join(lines) + "\n"


def _rows(columns: Iterable[DataColumn]) -> list[str]:
    return [
        "| Column | Type | What it holds |",
        "| --- | --- | --- |",
        *(f"| `{each.name}` | `{each.kind}` | {each.text} |" for each in columns),
    ]
