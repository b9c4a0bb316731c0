"""Buy what is cheap, sell it dearer: `python examples/e01_fifteen_line_bot.py RUN NAME` against a run with that guest."""

import asyncio
import sys

from econsim import join


async def main(run: str, name: str) -> None:
    """Trade until the run closes."""
    async with join(run, name) as me:
        async for _ in me.ticks():
            quote = (await me.economy.get_prices())["cpu"]
            units = (await me.economy.get_balance()).units("cpu").available
            if units and quote.bid and quote.bid > 2:
                await me.economy.place_ask("cpu", "2.16", kind="immediate_or_cancel")
            elif quote.ask:
                await me.economy.place_bid("cpu", "2.15", kind="immediate_or_cancel")
            for heard in me.economy.heard():
                print(heard.resource, heard.what, heard.quantity, "at", heard.price, heard.reason)


asyncio.run(main(*sys.argv[1:]))
