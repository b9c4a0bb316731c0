"""What an economy comes to does not depend on what carries its messages: the same log to the last event."""

from __future__ import annotations

import pytest
from economies import ODD
from nats_runs import hash_in_memory, over_nats

from econsim.domain.canonical import canonical_hash

pytestmark = pytest.mark.nats


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_economy_has_one_hash_over_nats_and_in_memory(server, run, name) -> None:
    events = await over_nats(server, ODD[name], run)

    assert canonical_hash(events) == hash_in_memory(ODD[name])
