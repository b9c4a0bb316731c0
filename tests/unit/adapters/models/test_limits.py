"""The limits of a provider: places in order, a breaker for all callers, repeats only where a repeat may help."""

import asyncio
from dataclasses import dataclass, field

import pytest

from econsim.adapters.models.failures import provider_failure
from econsim.adapters.models.limits import ATTEMPTS_MAX, LimitedProvider, Timing
from econsim.domain.cognition.breaker import FAILURES_MAX, PAUSE_MS
from econsim.errors import ProviderFailed
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import Call, CallPosition, ChatMessage, ChatRole, Completion, Prompt

ANSWER = Completion("yes", None)


@dataclass
class Scripted:
    """A provider that fails as it is told, and answers when nothing is left to fail."""

    failures: list[ProviderFailed] = field(default_factory=list)
    calls_max: int = 2
    name: str = "scripted"
    asked: list[str] = field(default_factory=list)
    deadlines: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def __post_init__(self):
        self.gate.set()

    def count_input(self, _):
        return 7

    async def complete(self, call, _=None):
        self.asked.append(call.prompt.messages[0].content)
        self.deadlines.append(call.deadline_ms)
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        return ANSWER

    async def close(self):
        self.closed = True


class Hours:
    """A clock that only pauses move on."""

    def __init__(self):
        self.seconds = 0.0
        self.pauses = []

    async def pause(self, seconds):
        self.pauses.append(seconds)
        self.seconds += seconds

    def timing(self):
        return Timing(lambda: self.seconds, self.pause, lambda seconds: seconds)


def call(text="a", deadline_ms=30_000):
    prompt = Prompt(messages=(ChatMessage(ChatRole.USER, text),), max_tokens=5)
    return Call(CallPosition("anna", 1, 1), prompt, deadline_ms)


def failed(word=CallFailure.PROVIDER_FAILED, **tokens):
    return provider_failure(word, "no", **tokens)


async def word(limited, asked=None):
    with pytest.raises(ProviderFailed) as caught:
        await limited.complete(asked or call())
    return caught.value.error_code


async def test_a_transient_failure_is_tried_again_after_growing_pauses():
    provider, hours = Scripted([failed(), failed(CallFailure.PROVIDER_IS_BUSY)]), Hours()

    answer = await LimitedProvider(provider, hours.timing()).complete(call())

    assert answer == ANSWER
    assert hours.pauses == [0.2, 0.4]


async def test_a_provider_is_tried_a_few_times_only():
    provider = Scripted([failed()] * 9)

    assert await word(LimitedProvider(provider, Hours().timing())) == "provider_failed"
    assert len(provider.asked) == ATTEMPTS_MAX


@pytest.mark.parametrize(
    "failure",
    [
        failed(CallFailure.PROVIDER_REFUSED),
        failed(CallFailure.ANSWER_IS_MALFORMED),
        failed(CallFailure.ANSWER_IS_INCOMPLETE, input_tokens=9, output_tokens=1),
    ],
)
async def test_a_failure_that_is_the_callers_or_costs_is_not_tried_again(failure):
    provider = Scripted([failure])

    assert await word(LimitedProvider(provider, Hours().timing())) == failure.error_code
    assert len(provider.asked) == 1


async def test_a_busy_provider_is_asked_again_when_it_said():
    busy, hours = failed(CallFailure.PROVIDER_IS_BUSY), Hours()
    busy.retry_after_ms = 7_000

    await LimitedProvider(Scripted([busy]), hours.timing()).complete(call())

    assert hours.pauses == [7.2]


async def test_a_repeat_that_would_come_after_the_deadline_is_not_made():
    busy, hours = failed(CallFailure.PROVIDER_IS_BUSY), Hours()
    busy.retry_after_ms = 7_000

    assert (
        await word(LimitedProvider(Scripted([busy]), hours.timing()), call(deadline_ms=7_000))
        == "provider_is_busy"
    )
    assert hours.pauses == []


async def test_no_more_calls_than_places_are_made_at_once_and_waiters_go_in_order():
    provider = Scripted()
    provider.gate.clear()
    limited = LimitedProvider(provider)
    calls = [asyncio.create_task(limited.complete(call(text))) for text in "abcde"]
    for _ in range(10):
        await asyncio.sleep(0)

    assert provider.asked == ["a", "b"]
    provider.gate.set()
    await asyncio.gather(*calls)
    assert provider.asked == ["a", "b", "c", "d", "e"]


async def test_waiting_for_a_place_counts_against_the_deadline():
    provider = Scripted(calls_max=1)
    provider.gate.clear()
    limited = LimitedProvider(provider)
    first = asyncio.create_task(limited.complete(call()))
    await asyncio.sleep(0)

    assert await word(limited, call(deadline_ms=20)) == "provider_is_busy"
    provider.gate.set()
    assert await first == ANSWER


async def test_a_waiter_that_is_cancelled_leaves_its_place_to_the_next():
    provider = Scripted(calls_max=1)
    provider.gate.clear()
    limited = LimitedProvider(provider)
    calls = [asyncio.create_task(limited.complete(call(text))) for text in "abc"]
    await asyncio.sleep(0)
    calls[0].cancel()
    calls[1].cancel()
    provider.gate.set()

    assert await calls[2] == ANSWER


async def test_a_provider_that_keeps_no_deadline_is_ended():
    provider = Scripted()
    provider.gate.clear()

    assert await word(LimitedProvider(provider), call(deadline_ms=20)) == "provider_timed_out"


async def test_a_provider_ends_a_little_before_its_call():
    provider = Scripted()

    await LimitedProvider(provider, Hours().timing()).complete(call(deadline_ms=500))

    assert provider.deadlines == [450]


async def test_a_provider_that_fails_again_and_again_is_left_alone_and_then_probed():
    provider, hours = Scripted([failed()] * FAILURES_MAX), Hours()
    limited = LimitedProvider(provider, hours.timing())
    await word(limited)
    await word(limited)
    asked = len(provider.asked)

    assert await word(limited) == "provider_failed"
    assert len(provider.asked) == asked == FAILURES_MAX
    hours.seconds += PAUSE_MS / 1_000
    assert await limited.complete(call()) == ANSWER


@pytest.mark.parametrize("harmless", [CallFailure.PROVIDER_IS_BUSY, CallFailure.PROVIDER_REFUSED])
async def test_busy_and_refused_calls_never_open_the_breaker(harmless):
    provider = Scripted([failed(harmless) for _ in range(2 * FAILURES_MAX * ATTEMPTS_MAX)])
    limited = LimitedProvider(provider, Hours().timing())
    while provider.failures:
        await word(limited)

    assert await limited.complete(call()) == ANSWER


async def test_short_deadlines_of_one_agent_do_not_close_a_provider_to_all():
    provider = Scripted(calls_max=9)
    provider.gate.clear()
    limited = LimitedProvider(provider)
    await asyncio.gather(*(word(limited, call(deadline_ms=1)) for _ in range(FAILURES_MAX)))
    provider.gate.set()

    assert await limited.complete(call()) == ANSWER


async def test_the_rest_is_the_providers_own():
    provider = Scripted()
    limited = LimitedProvider(provider)
    await limited.close()

    assert (limited.name, limited.calls_max, limited.count_input(call().prompt)) == ("scripted", 2, 7)
    assert provider.closed
