"""Texts of the panes of a run, made of its view. No widgets; what agents wrote goes through `one_line` or `visible`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from rich.console import Group
from rich.text import Text

from econsim.domain.audit.describe import describe
from econsim.domain.audit.facts import Record, facts
from econsim.domain.expectation.integrity import WRONG_CONTENT
from econsim.domain.expectation.verdict import Ruling, Verdict
from econsim.report.format import count, money, percent, price_range, visible
from econsim.report.market_view import SeenTrade, WatchedMarket
from econsim.report.price_plot import price_plot
from econsim.report.run_view import CLOSED, STOPPED, RunView, SeenEvent
from econsim.schemas.market import Level
from econsim.terminal.player import Player
from econsim.terminal.rows import Cells, one_line

SILENCE_S: Final = 5.0
"""Seconds without an event after which an open run is called silent: most ticks take less than one."""

CATCH_UP_S: Final = 1.0
"""Seconds without an event after which the past has been read: a page of the log takes a tenth of it."""

DEAD_S: Final = 60.0
"""Seconds without an event after which the run's command has probably ended: a run waits so long for external agents."""

FACTS_SHOWN_MAX: Final = 200
"""Facts of one record that are shown whole."""

MARKS: Final = {
    Ruling.TRUE: ("✓ holds for good", "good"),
    Ruling.FALSE: ("✗ fails for good", "bad"),
    Ruling.SO_FAR_TRUE: ("~ holds so far", ""),
    Ruling.SO_FAR_FALSE: ("~ fails so far", "accent"),
    Ruling.HOLDS: ("✓ holds", "good"),
    Ruling.FAILS: ("✗ fails", "bad"),
    Ruling.VACUOUS: ("? vacuous", "accent"),
    Ruling.UNDECIDABLE: ("? undecidable", "accent"),
}
"""Ruling → its sign and words, and the name of its style."""


def head(player: Player, now: str, width: int) -> Text:
    """Return the head: the run, where it stands, its figures, and what is wrong if anything is."""
    view, figures = player.view, player.view.figures
    scenario = view.scenario.name if view.scenario else ""
    ticks = f"tick {figures.tick}" + (f"/{figures.ticks_max}" if view.scenario else "")
    first = [
        f"run {player.source.run}",
        scenario,
        mode(player),
        ticks,
        f"period {view.period}/{figures.periods}",
        f"event {count(view.count)} (place {view.place})",
    ]
    second = [
        f"orders {count(figures.orders)}{_rate(view)}",
        f"trades {count(figures.trades)}",
        f"efficiency {percent(view.efficiency)} of theory",
    ]
    if view.dead_letters:
        second.append(f"dead letters {view.dead_letters}")
    lines = [Text(_fit(first, width), style="bold"), Text(_fit(second, width))]
    if told := notice(player, now):
        lines.append(Text(one_line(f"! {told}"), style="reverse"))
    return Text("\n").join(lines)


def mode(player: Player) -> str:
    """Return how the view stands to the run in one or two words."""
    if player.is_seeking:
        return "seeking"
    if player.paused:
        return f"PAUSED, {player.view.state}" if player.view.state != CLOSED else "PAUSED"
    if player.pace:
        return f"playing {player.pace} ticks/s"
    return player.view.state.upper()


def notice(player: Player, now: str) -> str:
    """Return what somebody who watches must know: a failure, a stop, a silence; empty if all is well."""
    view = player.view
    if player.problem or player.misfit:
        return player.problem or player.misfit
    if damage := player.source.damage:
        return (
            f"the log is not whole: {damage[0]}; `econsim ledger verify {player.source.run}` names everything"
        )
    if view.failure:
        return f"the run ended early: {view.failure}"
    if view.state == STOPPED:
        return f"the run was stopped; `econsim resume {player.source.run}` goes on with it"
    if view.state == CLOSED or player.paused or player.pace or player.is_seeking:
        return ""
    return _silence(player, now)


def _silence(player: Player, now: str) -> str:
    last = player.view.last_at
    if not last:
        return "reading the log; no event of this run has come so far"
    silent = (datetime.fromisoformat(now) - datetime.fromisoformat(last)).total_seconds()
    if silent < SILENCE_S or player.idle_s < CATCH_UP_S:
        return ""
    since = f"nothing has come for {_length(silent)}, since {last[11:19]} UTC"
    if silent < DEAD_S:
        return since
    return f"{since}; if its command ended, `econsim resume {player.source.run}` goes on"


def _length(seconds: float) -> str:
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _rate(view: RunView) -> str:
    rate = view.orders_per_second
    return f" ({count(rate)}/s)" if rate is not None else ""


def _fit(parts: Sequence[str], width: int) -> str:
    """Return the parts on one line, without those at the end that do not fit."""
    shown = ""
    for part in filter(None, parts):
        longer = f"{shown}  {part}" if shown else part
        if len(longer) > width:
            break
        shown = longer
    return one_line(shown)


def markets_line(view: RunView, chosen: str, width: int) -> Text:
    """Return the markets on a line, the chosen one in brackets, each with its price and its equilibrium."""
    line = Text()
    for name, market in view.markets.items():
        shown = f"[{name}]" if name == chosen else f" {name} "
        line.append(shown, "bold" if name == chosen else "")
        line.append(f"{money(market.last)}  ")
    line.truncate(width, overflow="ellipsis")
    return line


def market_text(market: WatchedMarket, periods: int, width: int, height: int) -> Text:
    """Return the price path of a market against its equilibrium, with a heading."""
    low, high = market.equilibrium.price_low, market.equilibrium.price_high
    titles = (
        f"{market.resource}: price {money(market.last)}",
        f"equilibrium {price_range(low, high)} ╌╌",
        f"efficiency {percent(market.efficiency(periods))}",
        market.mechanism.replace("_", " "),
    )
    text = Text(_fit(titles, width), style="bold", no_wrap=True)
    lines = price_plot(market.prices.points, (low, high), width, height - 2)
    for axis, plot in lines:
        text.append("\n" + axis, "not bold dim")
        for sign in _runs(plot):
            text.append(sign, "not bold yellow" if "╌" in sign else "not bold")
    points = market.prices.points
    if lines and points:
        ticks = f"tick {points[0][0]}", str(points[-1][0])
        text.append(f"\n{'':9}{ticks[0]}{ticks[1]:>{max(1, width - 9 - len(ticks[0]))}}", "not bold dim")
    return text


def _runs(plot: str) -> Iterator[str]:
    """Yield the stretches of a line that are dashes, and those that are not."""
    start = 0
    for end in range(1, len(plot) + 1):
        if end == len(plot) or (plot[end] == "╌") != (plot[start] == "╌"):
            yield plot[start:end]
            start = end


def book_text(market: WatchedMarket, width: int, height: int) -> Text:
    """Return the depth of a market's order book: asks above, bids below, the best next to the spread."""
    levels = max(1, (height - 3) // 2)
    bids, asks = market.depth(levels)
    most = max((level.quantity for level in (*bids, *asks)), default=1)
    text = Text(f"{'side':<4} {'price':>9} {'units':>6} {'orders':>6}", style="bold underline", no_wrap=True)
    for level in reversed(asks):
        text.append(_level("ask", level, most, width), "not bold not underline red")
    spread = market.ask - market.bid if market.ask is not None and market.bid is not None else None
    text.append(f"\n{'spread ' + money(spread):─^{min(width, 28)}}", "not bold not underline dim")
    for level in bids:
        text.append(_level("bid", level, most, width), "not bold not underline green")
    return text


def _level(side: str, level: Level, most: int, width: int) -> str:
    bar = "█" * max(1, level.quantity * max(0, width - 30) // most) if width > 32 else ""
    return f"\n{side:<4} {money(level.price):>9} {level.quantity:>6} {level.orders:>6} {bar}"


def trade_cells(trade: SeenTrade) -> Cells:
    """Return the cells of a trade."""
    return (
        (str(trade.tick), money(trade.price), str(trade.units), trade.buyer, trade.seller, trade.event_id),
        "",
    )


def event_cells(event: SeenEvent) -> Cells:
    """Return the cells of an event: place, tick, time, type, what it tells."""
    entry = event.entry
    action = entry.type.partition(".")[2]
    return (
        (str(event.place), str(entry.tick), entry.occurred_at[11:23], action, _summary(entry)),
        _STYLES.get(action, ""),
    )


_STYLES: Final = {
    "order_rejected": "bad",
    "transfer_refused": "bad",
    "failed": "bad",
    "trade_executed": "good",
    "transfer_posted": "dim",
    "cycle_completed": "dim",
    "ticked": "accent",
}
"""Style of an event by its action, beside the word itself."""


def _summary(entry: Record) -> str:
    try:
        first = next(facts(entry), None)
        more = len(entry.parts or (first,)) - 1
        return "nothing" if first is None else describe(first) + (f", and {more} more" if more else "")
    except WRONG_CONTENT:
        return "its content does not follow its schema"


def record_text(entry: Record, place: int) -> Group:
    """Return a record whole: each of its facts with a description, then its data as JSON, without markup."""
    found = list(facts(entry))
    lines = [
        Text(visible(f"place {place}  tick {entry.tick}  {entry.occurred_at}"), style="bold"),
        Text(visible(f"{entry.subject}\n{entry.event_id}  by {entry.actor}")),
    ]
    for fact in found[:FACTS_SHOWN_MAX]:
        with suppress(*WRONG_CONTENT):
            lines.append(Text(f"\n{one_line(describe(fact))}", style="bold"))
        lines.append(Text(visible(_plain_json(fact.data))))
    if len(found) > FACTS_SHOWN_MAX:
        lines.append(Text(f"\n… and {len(found) - FACTS_SHOWN_MAX} more"))
    return Group(*lines)


def _plain_json(data: object) -> str:
    """Return data as JSON of some lines, in which texts that are JSON are opened and line breaks are line breaks."""
    return json.dumps(_open_texts(data), indent=1, ensure_ascii=False).replace("\\n", "\n   ")


def _open_texts(data: object) -> object:
    """Return data in which each text that is a JSON object is that object, as a prompt is."""
    if isinstance(data, dict):
        return {name: _open_texts(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_open_texts(value) for value in data]
    if isinstance(data, str) and data.startswith("{"):
        with suppress(ValueError):
            return json.loads(data)
    return data


def verdict_cells(verdict: Verdict) -> Cells:
    """Return the cells of a verdict: its ruling in words, the expectation, the reason."""
    mark, style = MARKS[verdict.outcome]
    return (mark, verdict.name, verdict.message), style


def verdict_text(verdict: Verdict) -> Text:
    """Return a verdict with its witness."""
    return Text(visible("\n".join((verdict.name, "", verdict.message, "", *verdict.lines()))))
