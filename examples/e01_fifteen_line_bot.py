"""Buy what is cheap, sell it dearer: `python examples/e01_fifteen_line_bot.py RUN NAME` against a run with that guest."""

import asyncio
import sys
from decimal import Decimal

from econsim import join


async def main(run: str, name: str) -> None:
    """Trade until the run closes."""
    async with join(run, name) as me:
        async for _ in me.ticks():
            for resource, quote in (await me.economy.get_prices()).items():
                units = (await me.economy.get_balance()).units(resource).available
                if units and quote.bid and quote.bid > 2:
                    await me.economy.place_ask(resource, quote.bid, kind="immediate_or_cancel")
                elif quote.ask and quote.ask <= Decimal("1.95"):
                    await me.economy.place_bid(resource, quote.ask, kind="immediate_or_cancel")
            print(
                *(f"{o.resource} {o.what} {o.quantity} at {o.price} {o.reason}" for o in me.economy.heard()),
                sep="\n",
            )


asyncio.run(main(*sys.argv[1:]))
