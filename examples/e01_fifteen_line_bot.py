"""Buy low, sell high, one unit at a time: `python examples/e01_fifteen_line_bot.py RUN NAME` for an external agent of genesis."""

import asyncio
import sys

from econsim import join
from econsim.errors import EconsimError


async def main(run: str, name: str) -> None:
    """Trade until the run closes; what is not sold when a period ends is lost."""
    async with join(run, name) as me:
        async for tick in me.ticks():
            wallet, late = await me.economy.get_balance(), tick.tick_of_period > 26
            units, bid = wallet.units("cpu"), wallet.credits.reserved
            if units.available:
                order = await me.economy.place_ask("cpu", "0.01" if late else "2.18")
            elif tick.tick_of_period == 27 and (units.reserved or bid):
                await me.economy.cancel_order("cpu", order.order_id)
            elif not (late or units.owned or bid):
                order = await me.economy.place_bid("cpu", "2.02")
            for outcome in me.economy.take_outcomes():
                price = f" at {outcome.price}" if outcome.price else ""
                print(f"tick {outcome.tick}: {outcome.kind} {outcome.quantity}{price} {outcome.reason}")
        print(f"earned {await me.earnings():.2f} credits")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python e01_fifteen_line_bot.py RUN NAME")
    try:
        asyncio.run(main(*sys.argv[1:]))
    except EconsimError as error:
        sys.exit(str(error))
