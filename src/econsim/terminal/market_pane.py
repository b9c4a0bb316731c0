"""The pane of one market: price path against the equilibrium, order book, last trades."""

from __future__ import annotations

from collections import deque
from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from econsim.report.market_view import SeenTrade
from econsim.report.run_view import RunView
from econsim.terminal import texts
from econsim.terminal.pane import Pane, ShownRun
from econsim.terminal.rows import Column, Rows

TRADES: Final = (
    Column("tick", 6, right=True),
    Column("price", 9, right=True),
    Column("units", 5, right=True),
    Column("buyer", 0),
    Column("seller", 0),
    Column("trade", 0, from_width=70),
)
"""Columns of the trades."""


class MarketPane(Pane):
    """One market of the run; `turn` chooses another one."""

    DEFAULT_CSS = """
    MarketPane #markets { height: 1; padding: 0 1; }
    MarketPane #plot { height: 3fr; min-height: 5; padding: 0 1; }
    MarketPane Rows { height: 2fr; min-height: 3; border-top: solid $panel; }
    MarketPane #book { width: 34; padding: 0 1; border-left: solid $panel; height: 1fr; }
    """

    def __init__(self) -> None:
        """Show the first market of the scenario."""
        super().__init__()
        self._market = ""
        self._trades: deque[SeenTrade] = deque()

    def compose(self) -> ComposeResult:
        """Make plot, trades and book."""
        yield Static(id="markets", markup=False)
        with Horizontal():
            with Vertical():
                yield Static(id="plot", markup=False)
                yield Rows(TRADES, id="trades", follows=True, empty="no trade so far")
            yield Static(id="book", markup=False)

    def turn(self, view: RunView, by: int) -> None:
        """Choose the market so many further on."""
        names = list(view.markets)
        if names:
            at = names.index(self._market) if self._market in names else 0
            self._market = names[(at + by) % len(names)]

    def draw(self, moment: ShownRun) -> None:
        """Draw the chosen market."""
        view = moment.view
        line, plot, book = (self.query_one(f"#{name}", Static) for name in ("markets", "plot", "book"))
        market = view.markets.get(self._market) or next(iter(view.markets.values()), None)
        if market is None:
            plot.update("reading the log …")
            return
        line.update(texts.markets_line(view, market.resource, line.content_size.width))
        plot.update(texts.market_text(market, view.period, *plot.content_size))
        book.update(texts.book_text(market, *book.content_size))
        self._trades = market.trades
        self.rows.show(len(market.trades), lambda index: texts.trade_cells(market.trades[index]))

    def event_at(self, index: int) -> str:
        """Return the id of a trade."""
        return self._trades[index].event_id
