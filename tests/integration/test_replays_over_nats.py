"""Replays over NATS: the log of one run answers another, whatever hosts and workers there are, or names the first difference."""

from __future__ import annotations

import pytest
from nats_runs import over_nats
from run_builders import canonical_hash
from thinking import recorded, thinking_buyers

from econsim.domain.cognition.recording import ReplayCheck
from econsim.domain.execution import in_memory
from econsim.errors import RecordingDiffers
from econsim.schemas.cognition import LlmInvoked
from econsim.services.cognition import providers

pytestmark = pytest.mark.nats

SHORT = {"periods": 1, "ticks_per_period": 2}


def outcomes(events):
    return [
        item for each in events if isinstance(each.event.data, LlmInvoked) for item in each.event.data.items
    ]


def no_model(monkeypatch):
    def ask(*_):
        pytest.fail("a model was asked")

    monkeypatch.setattr(providers, "rules_completion", ask)


async def test_a_hundred_agents_are_replayed_to_the_byte_on_any_number_of_hosts(server, run, monkeypatch):
    wanted = thinking_buyers(count=100, hosts=3, clock=SHORT)
    first = await over_nats(server, wanted, run)
    no_model(monkeypatch)

    replays = [
        await over_nats(server, wanted.model_copy(update={"recorded": run, "hosts": hosts}), f"{run}_{hosts}")
        for hosts in (1, 7)
    ]

    hashes = {canonical_hash(each) for each in (first, *replays)}
    assert hashes == {canonical_hash(in_memory.run(wanted, recording=recorded(first)))}


async def test_a_replay_with_another_seed_names_the_first_field_that_differs(server, run, monkeypatch):
    wanted = thinking_buyers(count=4)
    await over_nats(server, wanted, run)
    no_model(monkeypatch)

    replay = await over_nats(server, wanted.model_copy(update={"recorded": run, "seed": 7}), f"{run}_2")

    with pytest.raises(RecordingDiffers, match=r"messages\[\d\]\.content, character"):
        [ReplayCheck().check(event) for event in replay]


LONG = {"prompt": "{observation} " + "Think twice. " * 3_000, "memory": 1}
"""A prompt above TEXT_INLINE_MAX, and a memory that needs its text."""


async def test_calls_with_long_texts_are_in_the_log_by_digest_and_replayed_with_the_same_hash(
    server, run, monkeypatch
):
    wanted = thinking_buyers(count=2, thinking=LONG, clock=SHORT)
    first = await over_nats(server, wanted, run)
    in_memory_hash = canonical_hash(in_memory.run(wanted))
    no_model(monkeypatch)

    replay = await over_nats(server, wanted.model_copy(update={"recorded": run}), f"{run}_2")

    assert {(bool(each.text_digest), each.prompt) for each in outcomes(first)} == {(True, None)}
    assert {canonical_hash(first), canonical_hash(replay)} == {in_memory_hash}
    assert outcomes(first)[-1].usage.input_tokens > 1.9 * outcomes(first)[0].usage.input_tokens


async def test_a_replay_names_the_call_whose_long_text_was_changed(server, run, nc):
    wanted = thinking_buyers(count=1, thinking=LONG | {"system": run}, clock=SHORT)
    first = outcomes(await over_nats(server, wanted, run))[0]
    await nc.jetstream().publish(f"$KV.llm_texts.{first.text_digest}", b"{}")

    replay = await over_nats(server, wanted.model_copy(update={"recorded": run}), f"{run}_2")

    with pytest.raises(RecordingDiffers, match="cycle 1, ordinal 1 is stored with other content"):
        [ReplayCheck().check(event) for event in replay]


async def test_a_recording_that_the_log_does_not_have_answers_nothing(server, run, monkeypatch):
    no_model(monkeypatch)

    replay = await over_nats(server, thinking_buyers(count=2).model_copy(update={"recorded": "gone"}), run)

    with pytest.raises(
        RecordingDiffers, match="cycle 1, ordinal 1 is not recorded; the recording has 0 calls"
    ):
        [ReplayCheck().check(event) for event in replay]
