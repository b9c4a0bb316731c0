"""A run whose agents think has the same log over NATS and in memory, to the last price of a call."""

from __future__ import annotations

import pytest
from nats_runs import hash_in_memory, over_nats
from requirements import requirement
from run_builders import canonical_hash
from thinking import thinkers, token_buyers

pytestmark = pytest.mark.nats


@pytest.mark.parametrize("wanted", [thinkers(), token_buyers(hosts=2)], ids=["credits", "tokens"])
@requirement("runtime.cycle", "cognition.metering")
async def test_thoughts_have_one_hash_over_nats_and_in_memory(server, run, wanted) -> None:
    events = await over_nats(server, wanted, run)

    assert canonical_hash(events) == hash_in_memory(wanted)
