"""The mechanisms by name: how a scenario's word becomes a book.

Owns the table alone. Called by whoever opens a market.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from econsim.domain.market.call_auction import CallAuction
from econsim.domain.market.mechanism import Mechanism
from econsim.domain.market.order_book import OrderBook
from econsim.domain.market.zi_double_auction import ZiDoubleAuction
from econsim.schemas.scenario import Market, MechanismName

MECHANISMS: Final[Mapping[MechanismName, Callable[[Market], Mechanism]]] = {
    MechanismName.CONTINUOUS_DOUBLE_AUCTION: lambda _: OrderBook(),
    MechanismName.ZI_DOUBLE_AUCTION: lambda _: ZiDoubleAuction(),
    MechanismName.CALL_AUCTION: lambda market: CallAuction(market.tick_size, market.rationing),
}
"""Every mechanism a scenario can name."""


def make(market: Market) -> Mechanism:
    """Return an empty book that matches by the market's mechanism."""
    return MECHANISMS[market.mechanism](market)
