"""Strategists over NATS: the strategy is in the log alone, so a run has one hash, whatever hosts there are."""

from __future__ import annotations

import pytest
from nats_runs import hash_in_memory, over_nats
from run_builders import canonical_hash
from thinking import thinking_buyers

pytestmark = pytest.mark.nats


async def test_strategists_on_three_hosts_have_the_hash_of_the_run_in_memory(server, run):
    wanted = thinking_buyers(
        policy="llm_strategist", count=6, hosts=3, thinking={"every_ticks": 2, "trader": "zi_c"}
    )

    events = await over_nats(server, wanted, run)

    assert canonical_hash(events) == hash_in_memory(wanted)
