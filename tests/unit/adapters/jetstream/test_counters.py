"""Counters on a scripted server: the increment, the total, and each refusal."""

from __future__ import annotations

import pytest
from scripted_client import ScriptedClient, refusal

from econsim.adapters.jetstream.counters import StreamCounters
from econsim.errors import SetupError, Unavailable


@pytest.mark.parametrize(("amount", "header"), [(5, "+5"), (-2, "-2")])
async def test_an_increment_is_a_header_and_the_answer_holds_the_total(amount: int, header: str) -> None:
    client = ScriptedClient({"stream": "quota", "seq": 1, "val": "12"})

    assert await StreamCounters(client).add("a.b.c.d", amount) == 12
    assert client.requests == [("quota.a.b.c.d", b"", {"Nats-Incr": header})]


async def test_without_an_answer_nobody_knows_whether_it_counted() -> None:
    with pytest.raises(Unavailable, match="may or may not be added"):
        await StreamCounters(ScriptedClient(TimeoutError())).add("a.b.c.d", 1)


@pytest.mark.parametrize("answer", [refusal(10168), refusal(10171), {"stream": "quota", "seq": 1}])
async def test_a_stream_that_is_no_counter_has_to_be_set_up(answer: dict) -> None:
    with pytest.raises(SetupError, match="econsim streams apply"):
        await StreamCounters(ScriptedClient(answer)).add("a.b.c.d", 1)


async def test_any_other_refusal_may_pass() -> None:
    with pytest.raises(Unavailable, match="refused to count"):
        await StreamCounters(ScriptedClient(refusal(10077))).add("a.b.c.d", 1)
