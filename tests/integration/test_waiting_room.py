"""The waiting room of a run, the pause between its periods, and what an external agent may ask of its own."""

from datetime import datetime

import pytest
from eventually import eventually
from live_run import external_scenario, live_run
from nats_runs import over_nats

from econsim import subjects
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.nats.connection import connect
from econsim.agents.channel import AgentChannel
from econsim.agents.session import join
from econsim.cli.play import describe
from econsim.domain.audit.decoding import decode
from econsim.errors import Refused, Unavailable
from econsim.schemas.admission import AgentReport
from econsim.schemas.clock import PeriodClosed, PeriodOpened

pytestmark = pytest.mark.nats

PAUSE_MS = 700


def ready(live, agent):
    report = AgentReport(data={"tick": 0})
    return AgentChannel(live.externals[agent], live.run, agent).send(
        subjects.REPORT, report, event=subjects.COMPLETED
    )


async def ticked(live):
    return [each.subject async for each in read(live.nc, live.run, [subjects.TICKED.pattern(run=live.run)])]


async def test_the_first_period_opens_when_every_external_agent_is_ready(server, run):
    waiting = external_scenario(join_ms=100_000)
    async with live_run(server, run, waiting) as live:
        await ready(live, "anna")
        assert await ticked(live) == []

        bot = join(run, "bert", nats=server.url, creds=live.creds["bert"])
        async with bot as bert:
            first = await anext(bert.ticks())
        stored = [each async for each in read(live.nc, run, [f"*.*.*.{run}"])]

    assert first.number == 1
    said = [decode(each.subject, each.payload).event for each in stored]
    types = [each.type for each in said]
    agents = [each.actor for each in said[: types.index(subjects.PERIOD_OPENED.type)]]
    assert {"anna", "bert"} <= {*agents}
    assert types.index(subjects.PERIOD_OPENED.type) < types.index(subjects.TICKED.type)


async def test_a_waiting_room_ends_by_itself(server, run):
    async with live_run(server, run, external_scenario(join_ms=100)) as live:
        assert await eventually(lambda: ticked(live))


async def test_periods_in_real_time_have_a_pause_between_them(server, run):
    wanted = external_scenario(periods=2, ticks_per_period=2, tick_ms=50, pause_ms=PAUSE_MS)

    events = [each.event for each in await over_nats(server, wanted, run)]

    (closed, *_), (_, opened) = (
        [datetime.fromisoformat(each.occurred_at) for each in events if isinstance(each.data, kind)]
        for kind in (PeriodClosed, PeriodOpened)
    )
    assert (opened - closed).total_seconds() * 1000 >= PAUSE_MS


async def test_an_agent_finds_its_own_open_orders_and_nobody_else_s(server, run):
    async with live_run(server, run, external_scenario()) as live:
        anna, bert = live.economy("anna"), live.economy("bert")
        await anna.place_bid("gpu", "0.50", 2, order_id="x")

        async def orders():
            return (await anna.get_book("gpu")).own

        (own,) = await eventually(orders)
        await live.restart_market()

        async def again():
            return await orders() == (own,)

        assert await eventually(again)
        assert (own.order_id, own.price, own.quantity) == ("anna.x", own.price, 2)
        seen = await bert.get_book("gpu")
        assert (seen.own, len(seen.bids)) == ((), 1)


async def test_the_credentials_of_a_trading_page_are_its_agent_s_and_act_as_nobody_else(
    server, run, tmp_path
):
    async with live_run(server, run, external_scenario(), away=["bert"]) as live:
        (tmp_path / "page.creds").write_text(
            (await describe(run, "anna", live.creds["anna"], "ws://x"))["creds"]
        )
        page = await connect(server.url, tmp_path / "page.creds", "test-page")
        channel = AgentChannel(page, run, "anna", patience_s=0)
        with pytest.raises(Refused):
            await channel.send(
                subjects.REPORT, AgentReport(agent_id="bert", data={"tick": 1}), event=subjects.COMPLETED
            )
        with pytest.raises(Unavailable):
            await AgentChannel(page, run, "bert", patience_s=0).send(
                subjects.REPORT, AgentReport(data={"tick": 1}), event=subjects.COMPLETED
            )
        with pytest.raises(TimeoutError):
            await page.request(f"$JS.API.DIRECT.GET.{subjects.AUDIT}", b'{"seq":1}', timeout=1)
        await page.close()
