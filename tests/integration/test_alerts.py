"""The rules of alerts: each fires by the fault it is for, on a real system read by a real Prometheus, and none in a healthy one."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from tomllib import loads

import pytest
import yaml
from eventually import eventually
from factories import group, role, scenario
from live_run import live_run
from nats.js.api import ConsumerConfig
from prometheus import DEPLOY, prometheus, promtool
from requirements import requirement
from scraped import free_address, scrape
from superuser import superuser

import econsim
from econsim import subjects
from econsim.adapters.cancellation import cancel_until_done
from econsim.adapters.nats.rpc import ask
from econsim.adapters.poll import Poll
from econsim.checks.raw_client import UserCredentials, dial
from econsim.domain.metrics import worker_figures
from econsim.errors import EconsimError, InvalidMessage
from econsim.routers import admin, clock
from econsim.schemas.base import Request
from econsim.schemas.ledger import Balance
from econsim.services import figures_reporter
from econsim.services.leadership import LeaderTask
from econsim.services.routes import Route

pytestmark = [pytest.mark.nats, pytest.mark.timeout(300)]

RULES = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
NAMES = {rule["alert"] for rule in RULES}
METRIC = re.compile(r"\b(?:econsim|jetstream|gnatsd)_\w+")

# What no test of seconds can bring about: a full disk, minutes without a write, no metrics at all; spans are dropped by their queue's own test.
NOT_PROVOKED = {"StorageFull", "StreamFrozen", "TraceDrops", "ConsumerStuck", "MetricsGone"}


@requirement("operations.alerts")
def test_each_rule_fires_and_is_silent_as_its_cases_say() -> None:
    done = promtool("test", "rules", DEPLOY / "alerts_test.yml")

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_has_a_case_and_a_line_of_the_page() -> None:
    cases = (DEPLOY / "alerts_test.yml").read_text()
    page = (Path(__file__).parents[2] / "docs/operations/observe.md").read_text()

    assert {name for name in NAMES if name not in cases} == set()
    assert set(re.findall(r"^\| `(\w+)` \| (?:critical|warning|info)", page, re.MULTILINE)) == NAMES


def test_a_quota_storm_is_of_all_quotas_and_other_rates() -> None:
    text = (Path(econsim.__file__).parent / "schemas/refusals.toml").read_text()
    groups = {each["heading"]: set(each["codes"]) for each in loads(text)["group"]}
    (storm,) = [rule["expr"] for rule in RULES if rule["alert"] == "QuotaStorm"]
    pattern = re.compile(re.search(r'code=~"([^"]+)"', storm)[1])

    quotas = groups["Quotas, rate limits and backpressure"]

    storming = {code for codes in groups.values() for code in codes if pattern.fullmatch(code)}

    assert {code for code in quotas if "exceeded" in code or code == "agent_sends_too_fast"} <= storming
    assert not {code for code in storming - quotas if not code.endswith("exceeded")}


def faulty(monkeypatch):
    """Have the admin service fail over a request, and the clock ask one that answers late and one that nobody answers."""

    async def fail(_: object) -> Balance:
        raise RuntimeError

    async def undecoded(_):
        return Request()

    async def ask_in_vain(context):
        for run in ("slow", "none"):
            with suppress(InvalidMessage):
                await ask(context.client, subjects.SUBMIT(run=run, agent="clock"), b"{}", Balance)

    kept = [route for route in admin.service.routes if route.subject != subjects.DROP_LETTER]
    monkeypatch.setattr(admin.service, "routes", [*kept, Route(subjects.DROP_LETTER, fail, undecoded)])
    monkeypatch.setattr(
        clock.service,
        "service_tasks",
        lambda context: (LeaderTask("vain", partial(ask_in_vain, context)),),
    )


async def answer_late(message):
    """Answer a request after the time that a round trip may take."""
    await asyncio.sleep(0.2)
    await message.respond(b"no balance")


@asynccontextmanager
async def system(server, run, address, monkeypatch):
    """Run everything with an external agent and a resting seller; the market may be killed."""
    monkeypatch.setenv("ECONSIM_METRICS", address)
    monkeypatch.setattr(figures_reporter, "REPORT_INTERVAL_S", 0.05)
    monkeypatch.setattr(worker_figures, "SILENT_S", 2.0)
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 2]])])
    wanted = scenario(
        sellers,
        group("ana", "external", credits=100),
        clock={"mode": "real_time", "ticks_per_period": 10_000, "tick_ms": 200},
    )
    # Without the social service, nobody works its queue off.
    async with live_run(server, run, wanted, apart=("social",)) as live:
        yield live


async def until_alerts(found, expected):
    """Wait until all these alerts hold; return those that do, or name the missing ones."""
    seen = set()

    async def look():
        seen.update(await found.alerts())
        return expected <= seen

    try:
        await eventually(look, 90)
    except BaseException as error:
        raise AssertionError(sorted(expected - seen)) from error
    return seen


async def test_a_healthy_system_fires_nothing(server, run, tmp_path, monkeypatch) -> None:
    address = free_address()
    async with system(server, run, address, monkeypatch), prometheus(tmp_path, address) as found:
        # What tells a change needs two samples of a tick that has run on.
        await eventually(
            lambda: found.values("econsim_run_tick > 40 and changes(econsim_run_tick[2m]) > 2"), 120
        )
        assert await found.alerts() <= {"RoundTripSlow"}  # a busy machine


@asynccontextmanager
async def flooding(live):
    """Ask as an agent above its rate for the time of the context."""

    async def flood():
        async for _ in Poll(0.5):
            for _ in range(400):
                await live.externals["ana"].publish(
                    "market.account.get_balance", b"{}", reply="_INBOX.none.x"
                )

    task = asyncio.create_task(flood())
    yield
    await cancel_until_done([task], 1)


async def bury(live, run):
    """Send a command that nobody can read."""
    subject = subjects.PLACE_ORDERS(resource="cpu", run=run, agent="host")
    await live.nc.jetstream().publish(subject, b"{", headers={"Nats-Msg-Id": run})


async def fill_a_queue(live):
    """Leave more in a queue than may wait, and take more of it than may be unacknowledged."""
    jetstream = live.nc.jetstream(publish_async_max_pending=20_000)
    for _ in range(10_100):
        await jetstream.publish_async(subjects.DELEGATE_TASK(run="none", agent="ana"), b"{}")
    await jetstream.publish_async_completed()
    config = ConsumerConfig(max_ack_pending=2_000)
    taking = await jetstream.pull_subscribe("", "taken", stream=subjects.TASKS, config=config)
    await taking.fetch(1_100, timeout=30)


async def read_nothing(server, live):
    """Be sent more than the server keeps for a client, and read none of it."""
    async with dial(server.url) as lazy:
        await lazy.connect(UserCredentials.from_file(superuser(server)))
        await lazy.subscribe("flood")
        await lazy.flush()
        lazy.stop_reading()
        for _ in range(64):
            await live.nc.publish("flood", bytes(2**20))
        await live.nc.flush()


async def break_the_ledger(live, run):
    """Give an agent a credit that came from nowhere."""
    key = f"$KV.agent_state.{run}.ana.balance"
    kept = json.loads((await live.nc.jetstream().get_last_msg("KV_agent_state", key)).data)
    await live.nc.jetstream().publish(key, json.dumps(kept | {"posted": kept["posted"] + 1}).encode())


@requirement("operations.alerts")
async def test_each_fault_fires_its_alert(server, run, tmp_path, monkeypatch) -> None:
    address = free_address()
    faulty(monkeypatch)
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(system(server, run, address, monkeypatch))
        found = await stack.enter_async_context(prometheus(tmp_path, address))
        await eventually(lambda: found.values("econsim_run_tick > 1"), 90)
        await live.nc.subscribe(subjects.SUBMIT(run="slow", agent="clock"), cb=answer_late)
        await bury(live, run)
        await read_nothing(server, live)
        await break_the_ledger(live, run)
        await fill_a_queue(live)
        with pytest.raises(EconsimError):
            await ask(live.nc, subjects.DROP_LETTER(operator="ana"), Request(), Balance)
        await stack.enter_async_context(flooding(live))
        await live.market.aclose()
        seen = await until_alerts(found, NAMES - NOT_PROVOKED)
        exposed = await scrape(address)

    assert seen <= NAMES
    names = {name for rule in RULES for name in METRIC.findall(rule["expr"])}
    assert names - exposed.keys() == set()
