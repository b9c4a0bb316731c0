"""Metrics of a real system: a run, its services and its server, as Prometheus reads them."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial

import pytest
from eventually import eventually
from factories import group, role, scenario
from nats_runs import shortened
from requirements import requirement
from scraped import free_address, scrape, value
from superuser import superuser
from thinking import studio, token_buyers, tool_askers

from econsim import subjects
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.app import Server, running
from econsim.errors import EconsimError, QuotaExceeded, Refused
from econsim.routers import SERVICES, admin
from econsim.runs.remote import close_run, open_run, run_events
from econsim.schemas.admin import LetterDone
from econsim.schemas.base import Request
from econsim.schemas.ledger import Balance, GetBalance
from econsim.services import figures_reporter
from econsim.services.routes import Route

pytestmark = [pytest.mark.nats, pytest.mark.timeout(300)]

HANDLED = "econsim_message_handling_seconds_count"
ROUND_TRIPS = "econsim_request_round_trip_seconds_count"


@pytest.fixture
def address(monkeypatch):
    """Return the address at which this test's metrics service listens; workers report often."""
    found = free_address()
    monkeypatch.setenv("ECONSIM_METRICS", found)
    monkeypatch.setattr(figures_reporter, "REPORT_INTERVAL_S", 0.05)
    return found


def waiting_market():
    """Return a market that stays open: its clock follows the wall clock for hours."""
    groups = (
        group("buyer", "zip", count=3, roles=[role("bid", first=3, last=1)]),
        group("seller", "zip", count=3, roles=[role("ask", first=1, last=3)]),
    )
    return scenario(*groups, clock={"mode": "real_time", "tick_ms": 200, "ticks_per_period": 10_000})


@asynccontextmanager
async def connected(server):
    """Connect with every right."""
    client = await connect(server.url, superuser(server), "test-metrics")
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def open_market(server, run):
    """Have every service serve an open run; yield a client with every right."""
    async with running(tuple(SERVICES), Server(server.url, server.creds)), connected(server) as client:
        await open_run(client, run, waiting_market())
        yield client
        await close_run(client, run)


async def until(address, condition):
    """Scrape until a condition holds of what is found; return that."""

    async def look():
        found = await scrape(address)
        return found if condition(found) else None

    return await eventually(look, 120)


async def balance(client, run, agent):
    """Ask for a balance as an agent."""
    return await ask(client, subjects.GET_BALANCE(run=run, agent=agent), GetBalance(), Balance)


async def served(client, run):
    """Return the balance of an agent once the run's ledger answers."""
    with suppress(EconsimError):
        return await balance(client, run, "buyer_001")


def imbalances(found):
    """Return asset → imbalance."""
    return {each.labels["asset"]: each.value for each in found["econsim_ledger_imbalance"]}


@requirement("operations.metrics")
async def test_a_run_its_services_and_its_server_are_exported_under_their_real_names(
    server, run, address
) -> None:
    def complete(found):
        waiting = value(found, "jetstream_consumer_num_ack_pending", stream_name="market_orders")
        asked = value(found, ROUND_TRIPS, service="market", subject=subjects.SUBMIT.template)
        return value(found, "econsim_trades_total", run=run) and asked and waiting is not None

    async with open_market(server, run):
        found = await until(address, complete)

    assert value(found, "jetstream_stream_total_messages", stream_name="audit_log") > 0
    assert value(found, "gnatsd_varz_in_msgs") > 0
    assert {each.labels["service"] for each in found["econsim_workers"]} == {*SERVICES}
    assert value(found, HANDLED, service="ledger", outcome="ok") > 0
    assert 0 <= value(found, "econsim_gini", run=run) < 1
    assert imbalances(found) == {"credits": 0, "debt": 0, "cpu": 0}
    assert value(found, "econsim_efficiency", run=run) is not None


@pytest.mark.parametrize(
    "wanted", [token_buyers, tool_askers, studio, partial(shortened, "genesis", ticks=16)]
)
async def test_what_agents_pay_for_thoughts_tools_and_work_leaves_no_imbalance(
    server, run, address, wanted
) -> None:
    async with running(tuple(SERVICES), Server(server.url, server.creds)), connected(server) as client:
        await open_run(client, run, wanted())
        async with aclosing(run_events(client, run)) as events:
            paid = [each async for each in events if each.event.type == subjects.LLM_INVOKED.type]
        found = await until(address, lambda page: value(page, "econsim_runs_open") == 0)

    assert sum(item.price for each in paid for item in each.event.data.items) > 0
    assert imbalances(found).keys() >= {"credits", "debt"}
    assert {asset: amount for asset, amount in imbalances(found).items() if amount} == {}


async def test_the_number_of_series_does_not_depend_on_the_number_of_agents(server, run, address) -> None:
    of_balance = {"subject": subjects.GET_BALANCE.template}

    def series(found):
        names = [name for name in found if name.startswith("econsim_")]
        return {str((name, *sorted(each.labels.items()))) for name in names for each in found[name]}

    async def asked(client, agents):
        for number in range(*agents):
            with pytest.raises(EconsimError):
                await balance(client, run, f"agent_{number}")
        count = agents[1] + 1
        return await until(address, lambda found: (value(found, HANDLED, **of_balance) or 0) >= count)

    async with open_market(server, run) as client:
        await eventually(partial(served, client, run), 60)
        await until(address, lambda found: value(found, "econsim_trades_total", run=run))
        one = series(await asked(client, (0, 1)))
        many = series(await asked(client, (1, 500)))

    assert not [each for each in many - one if of_balance["subject"] in each]
    assert not [each for each in many if "agent_4" in each]


async def test_a_new_handler_is_counted_without_a_line_of_its_own(server, address, monkeypatch) -> None:
    async def handle(_: object) -> LetterDone:
        raise QuotaExceeded

    async def undecoded(_):
        return Request()

    # In place of another handler: the service may answer the requests of the table and no others.
    new = Route(subjects.DROP_LETTER, handle, undecoded)
    kept = [route for route in admin.service.routes if route.subject != subjects.DROP_LETTER]
    monkeypatch.setattr(admin.service, "routes", [*kept, new])
    who = {"subject": subjects.DROP_LETTER.template, "service": "admin", "outcome": "refused"}
    async with running(("admin", "metrics"), Server(server.url, server.creds)), connected(server) as client:
        with pytest.raises(Refused):
            await ask(client, subjects.DROP_LETTER(operator="ana"), Request(), LetterDone)
        found = await until(address, lambda page: value(page, HANDLED, **who))

    assert value(found, HANDLED, **who) == 1
    assert value(found, "econsim_refusals_total", service="admin", code="quota_is_exceeded") == 1


async def test_a_service_that_stops_has_no_worker_any_more(server, address) -> None:
    here = Server(server.url, server.creds)
    async with running(("metrics",), here):
        async with running(("market",), here):
            await until(address, lambda found: value(found, "econsim_workers", service="market") == 1)
        gone = await until(address, lambda found: value(found, "econsim_workers", service="market") == 0)

    assert value(gone, "econsim_leases_taken_total", service="market") is None
