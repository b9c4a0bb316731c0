#!/usr/bin/env bash
# mango-agents 2.4.0: agents of one container share the object that was sent, so a trader can change a bid after the auctioneer has it.
# Guess: a message is encoded, as for agents of another container, or copied: what is received is what was sent at that time.
# Seen: within a container, sender and receiver hold the same dictionary: a bid of 5 that its sender sets to 1 later is 1 at the
# auctioneer, and what the auctioneer writes into it the sender sees. Between containers over TCP the bid stays 5, but a tuple becomes a
# list and the number 3 as a key becomes the text "3". A market that moves its agents to other containers behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq mango-agents==2.4.0
"$folder/venv/bin/python" - <<'PY'
import asyncio
import socket
from importlib.metadata import version

from mango import Agent, activate, create_tcp_container


class Auctioneer(Agent):
    """Keeps what it receives."""

    def __init__(self):
        super().__init__()
        self.received = []

    def handle_message(self, content, meta):
        self.received.append(content)


def container():
    """Return a container on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return create_tcp_container(addr=free.getsockname())


async def received(there, here):
    """Return what an auctioneer of one container has of a bid from another, after the bidder changed it, and the bid afterwards."""
    auctioneer, bidder = there.register(Auctioneer()), here.register(Auctioneer())
    async with activate(*{id(one): one for one in (there, here)}.values()):
        bid = {"price": 5, "units": (1, 2), 3: "lots"}
        await bidder.send_message(bid, auctioneer.addr)
        bid["price"] = 1
        while not auctioneer.received:
            await asyncio.sleep(0.01)
        (found,) = auctioneer.received
        seen = dict(found)
        found["note"] = "mine"
        return seen, "note" in bid


one = container()
within, shared = asyncio.run(received(one, one))
between, apart = asyncio.run(received(container(), container()))
print("mango-agents", version("mango-agents"))
print("one container", within, "the sender sees what the receiver wrote:", shared)
print("two containers", between, "the sender sees what the receiver wrote:", apart)
assert (within, shared) == ({"price": 1, "units": (1, 2), 3: "lots"}, True)
assert (between, apart) == ({"price": 5, "units": [1, 2], "3": "lots"}, False)
PY
