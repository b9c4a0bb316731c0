"""Periods in real time: the limits that hosts report after the last trade end them."""

from __future__ import annotations

import pytest
from factories import group, role, scenario
from nats_runs import over_nats
from recomputed import discrepancies

from econsim.adapters.server.embedded import EmbeddedServer
from econsim.schemas.clock import PeriodClosed, Ticked
from econsim.schemas.market import Traded

pytestmark = pytest.mark.nats


async def test_an_exhausted_period_lasts_until_all_gains_are_traded(server: EmbeddedServer, run: str) -> None:
    clock = {"mode": "real_time", "until": "exhausted", "periods": 2, "ticks_per_period": 60, "tick_ms": 200}
    buyers = group("buyer", "truthful", count=3, roles=[role("bid", values=[[4, 3], [4, 3], [4, 3]])])
    sellers = group("seller", "truthful", count=3, roles=[role("ask", values=[[1, 2], [1, 2], [1, 2]])])

    events = await over_nats(server, scenario(buyers, sellers, hosts=2, clock=clock), run)

    data = [addressed.event.data for addressed in events]
    assert [d.period for d in data if isinstance(d, PeriodClosed)] == [1, 2]
    assert sum(len(d.items) for d in data if isinstance(d, Traded)) == 2 * 6
    assert max(d.tick_of_period for d in data if isinstance(d, Ticked)) < 60
    assert discrepancies(events) == []
