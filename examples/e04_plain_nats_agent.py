"""An agent with nats-py and a creds file alone; ECONSIM_NATS, ECONSIM_CREDS and ECONSIM_AGENT say where and who."""

import asyncio
import json
import os
import sys
import uuid

import nats

LIMIT = 2_500_000  # micro-credits: 2.5 credits


async def main(url: str, creds: str, name: str) -> None:
    """Buy cpu below the limit, one unit a tick, until the run closes."""
    bus, received, done = await nats.connect(url, user_credentials=creds), asyncio.Queue(), 0

    async def ask(subject: str, **body: object) -> dict:
        return json.loads((await bus.request(subject, json.dumps(body).encode(), timeout=5)).data)

    for subject in ("clock.ticked", "run.closed", "market.trade_executed.cpu"):
        await bus.subscribe(subject, cb=received.put)
    await received.put(await bus.request("state.tick"))  # the tick that is open already, if one is
    while (message := await received.get()).subject != "run.closed":
        event = json.loads(message.data or b"{}")
        if event.get("type") == "market.trade_executed":
            print("bought at", *(trade["price"] / 1_000_000 for trade in event["data"]["items"]))
        elif (tick := event.get("tick", 0)) > done:  # a tick may come twice
            done = tick
            best = (await ask("market.prices.get_prices"))["prices"]["cpu"]["ask"]
            if best and best <= LIMIT:
                terms = {"price": LIMIT, "quantity": 1, "kind": "immediate_or_cancel"}
                print(
                    await ask("market.cpu.place_bid", command_id=(i := uuid.uuid4().hex), order_id=i, **terms)
                )
            await ask(f"agent.{name}.cycle_completed", data={"tick": tick})
    await bus.close()


if __name__ == "__main__":
    where = [os.environ.get(f"ECONSIM_{word}", "") for word in ("NATS", "CREDS", "AGENT")]
    if not all(where):
        sys.exit(
            "usage: ECONSIM_NATS=URL ECONSIM_CREDS=FILE ECONSIM_AGENT=NAME python e04_plain_nats_agent.py"
        )
    asyncio.run(main(*where))
