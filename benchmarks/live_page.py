"""The live page under load: runs of 10 000 agents with many facts, read in a browser.

`python -m benchmarks.live_page [FACTS]`, 200 000 by default. Two loads: `singly`, an order an event, as a market in real time tells them
at worst; and `lock-step`, a crowd of which everybody quotes at every tick, whose events carry many orders, trades and transfers each
(decision 0001). A fact is an order, a trade, a chain of transfers, or an event without such. Needs a browser (`apt-get install chromium`) and a quiet machine of two cores:
the browser draws in software. The page asks for stored events as fast as it takes them in, so the slowest part bounds events a second: the
page's main thread, or the processors that it shares with its worker, the rest of the browser and the server. The processor time of each is told.
`python -m benchmarks.page_cost` tells what a page costs a run that it follows.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import Browser, CDPSession, async_playwright

from benchmarks import loads, rig
from econsim.adapters.jetstream import provision
from econsim.adapters.live_page.page_server import PageServer
from econsim.adapters.nats.connection import Outgoing, connect, publish_many
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.cli.connect import connect_to_server
from econsim.cli.watch_session import WatchSession
from econsim.config import settings
from econsim.domain.execution import in_memory
from econsim.runs import scenario_file

AGENTS = 10_000
TICK = 1_000
"""Events of a tick."""
AT_ONCE = 1_000
"""Events that are put into the log at once."""
FRAMES = """window.frames_ = []; const note = (at) => {
  window.frames_.push([at, document.getElementById("place")?.textContent ?? ""]); requestAnimationFrame(note); };
requestAnimationFrame(note);"""


class Told(NamedTuple):
    """One event of a load: subject, content, and the number of facts in it."""

    subject: str
    content: bytes
    facts: int = 1


def lock_step(count: int) -> Iterator[Told]:
    """Yield a run in which all agents quote at each tick, until it has so many facts."""
    told = 0
    for event in in_memory.run(loads.crowd(AGENTS, ticks=100), "load"):
        data = event.event.data
        listed = next(
            (found for name in ("items", "chains") if isinstance(found := getattr(data, name, None), tuple)),
            (),
        )
        yield Told(event.subject, event.json(), max(len(listed), 1))
        told += len(listed)
        if told >= count:
            return


def singly(count: int) -> Iterator[Told]:
    """Yield the subjects and contents of a run: an opening, the endowment, then orders of which every fourth trades."""
    opening = next(iter(in_memory.run(scenario_file.load("smith1962"))))
    yield Told("system.run.opened.load", opening.json().replace(b'_id":"memory"', b'_id":"load"'))
    names = [f"trader_{number:05d}" for number in range(AGENTS)]
    dealt = [_chain(name) for name in names]
    yield _event(1, "market.ledger.transfer_posted", 0, {"sequence": 1, "hash": "", "chains": dealt})
    draw, resting = random.Random(7), list[tuple[str, str]]()  # noqa: S311 - a load, no secret
    for number in range(count):
        tick, place = 1 + number // TICK, number % TICK
        price = 2_000_000 + draw.randrange(-400, 400) * 1_000
        if place == 0:
            yield _event(number + 2, "system.clock.ticked", tick, {"period": 1, "tick_of_period": tick})
        elif place == TICK - 1:
            quote = {"bid": None, "ask": None, "last": None}
            change = {"resource": "good", "price": price, "quote": quote, "volume": 1}
            yield _event(number + 2, "market.good.price_updated", tick, change)
        elif number % 4 or len(resting) < TICK:
            side, agent = draw.choice(("bid", "ask")), draw.choice(names)
            resting.append((order := f"{agent}-{number}", agent))
            item = {"n": number, "order_id": order, "agent": agent, "side": side, "kind": "limit"}
            item |= {"price": price, "quantity": 1, "replaces": None}
            yield _event(number + 2, f"market.good.{side}_accepted", tick, {"items": [item]})
        else:
            (bid, buyer), (ask, seller) = (resting.pop(draw.randrange(len(resting))) for _ in range(2))
            item = {"n": number, "trade_id": f"t{number}", "price": price, "quantity": 1, "buyer": buyer}
            item |= {"seller": seller, "bid_id": bid, "ask_id": ask, "taker": "bid"}
            yield _event(number + 2, "market.good.trade_executed", tick, {"items": [item]})


def _chain(name: str) -> dict[str, Any]:
    move = {"id": f"endow.{name}", "kind": "transfer", "debit": "treasury", "credit": name}
    move |= {"asset": "credits", "amount": 10_000_000, "pending_id": None}
    return {"id": f"endow.{name}", "cause": "endow", "transfers": [move]}


def _event(number: int, subject: str, tick: int, data: dict[str, Any]) -> Told:
    domain, entity, action = subject.split(".")
    body: dict[str, Any] = {
        "event_id": f"{number:032x}",
        "type": f"{domain}.{action}",
        "schema_version": 1,
        "occurred_at": f"2026-11-29T12:{tick // 60 % 60:02d}:{tick % 60:02d}.{number % 1_000:03d}000000Z",
        "tick": tick,
        "actor": entity,
        "correlation_id": "load",
        "causation_id": None,
        "trace_id": None,
        "data": data,
    }
    return Told(f"{subject}.load", json.dumps(body, separators=(",", ":")).encode())


async def store(server: EmbeddedServer, told: Iterator[Told]) -> tuple[int, int]:
    """Put a run into the log; return the numbers of its events and facts."""
    client = await connect(server.url, rig.superuser(server.trust), "bench-page")
    await provision.apply(client)
    waiting: list[Outgoing] = []
    number = facts = 0
    for number, event in enumerate(told, 1):
        facts += event.facts
        waiting.append(Outgoing(event.subject, event.content, f"load-{number}"))
        if len(waiting) == AT_ONCE:
            await publish_many(client.jetstream(), waiting)
            waiting.clear()
    await publish_many(client.jetstream(), waiting)
    await client.close()
    return number, facts


def read_count(place: str) -> int:
    """Return the number of events that the page says it has read."""
    return int("".join(filter(str.isdigit, place.partition(" of ")[2])) or 0)


async def cpu_s(session: CDPSession) -> float:
    """Return the processor seconds of the page's main thread."""
    found = (await session.send("Performance.getMetrics"))["metrics"]
    return float(next(each["value"] for each in found if each["name"] == "TaskDuration"))


def browser_path() -> str:
    """Return the path of an installed browser; ends the program without one."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        sys.exit("no browser is installed: `apt-get install chromium`")
    return found


async def browser_cpu_s(browser: Browser) -> tuple[float, float]:
    """Return the processor seconds of the process that has the page, and of all others of the browser."""
    session = await browser.new_browser_cdp_session()
    found = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    await session.detach()
    own = sum(each["cpuTime"] for each in found if each["type"] == "renderer")
    return own, sum(each["cpuTime"] for each in found) - own


async def measure(
    browser: Browser, server: EmbeddedServer, url: str, events: int, facts: int
) -> dict[str, Any]:
    """Return the figures of one page that reads the whole run."""
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    served = rig.processor_seconds(server.pid)
    _, others = await browser_cpu_s(browser)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    await page.add_init_script(FRAMES)
    await page.goto(url)
    while read_count(await page.locator("#place").inner_text()) < events:
        await asyncio.sleep(0.5)
    used = await cpu_s(session)
    own, others_now = await browser_cpu_s(browser)
    served = rig.processor_seconds(server.pid) - served
    noted = await page.evaluate("window.frames_")
    shown = [(at, read_count(place)) for at, place in noted]
    reading = [each for each in shown if 0 < each[1] < events] + [
        each for each in shown if each[1] == events
    ][:1]
    seconds = (reading[-1][0] - reading[0][0]) / 1_000
    paints = await page.evaluate("performance.getEntriesByType('paint').map((each) => each.startTime)")
    return {
        "first paint, ms": round(min(paints)),
        "events": events,
        "facts": facts,
        "facts/s": round(facts * (reading[-1][1] - reading[0][1]) / events / seconds),
        "frames/s": round(len(reading) / seconds, 1),
        "main thread, µs of processor a fact, frames included": round(1e6 * used / facts, 1),
        "facts/s that its main thread allows": round(facts / used),
        "worker and helpers of the page, µs": round(1e6 * (own - used) / facts, 1),
        "all else of the browser, µs": round(1e6 * (others_now - others) / facts, 1),
        "server, µs": round(1e6 * served / facts, 1),
        "heap, MB": round(await page.evaluate("performance.memory.usedJSHeapSize") / 1e6),
    }


async def main(count: int) -> None:
    """Measure each load and print."""
    path = browser_path()
    for load in (singly, lock_step):
        print(load.__name__.replace("_", "-"))
        for name, value in (await read_by_page(path, load(count))).items():
            print(f"{value:>10}  {name}")


async def read_by_page(path: str, told: Iterator[Told]) -> dict[str, Any]:
    """Return the figures of a page that reads a run from a server of its own."""
    with tempfile.TemporaryDirectory() as state:
        async with EmbeddedServer(Path(state)) as server, async_playwright() as library:
            events, facts = await store(server, told)
            config, sockets = settings(state=Path(state)), f"ws://127.0.0.1:{server.websocket}"
            session = WatchSession(lambda: connect_to_server(config), server.trust, "load", sockets)
            async with PageServer(server.pages, sockets, session.answers) as served:
                browser = await library.chromium.launch(
                    executable_path=path, args=["--no-sandbox", "--disable-gpu"]
                )
                found = await measure(browser, server, served.urls[0], events, facts)
                await browser.close()
                return found


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
