"""The limits of one provider: calls at once, a circuit breaker, and repeats of transient failures.

All time here belongs to the call: waiting for a place and between two attempts counts against its deadline. One object
serves all runs of a process, or each would have the limits for itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from econsim.adapters.clock import jitter
from econsim.adapters.models.failures import MILLISECONDS, provider_failure
from econsim.domain.cognition.breaker import Admission, Breaker, Ending, admit, failure_ending, note_ending
from econsim.errors import ProviderFailed
from econsim.ports import ModelProvider, OnText
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import Call, Completion, Prompt

ATTEMPTS_MAX: Final = 3
"""Attempts of one call: a provider that fails three times in a row is not having a passing fault."""

FIRST_PAUSE_S: Final = 0.2
"""Longest pause before the second attempt; it doubles for each further one."""

MARGIN_MS: Final = 100
"""Milliseconds, or the tenth of a shorter deadline, that a provider ends before the call: it then tells what it charges for."""


class ClosableProvider(ModelProvider, Protocol):
    """A provider that holds connections."""

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock and the pauses of the limits; a test hands in its own."""

    now: Callable[[], float] = time.monotonic
    """Clock, seconds."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Pause of so many seconds."""
    jitter: Callable[[float], float] = jitter
    """Random length of a pause, not above the one given."""


class LimitedProvider:
    """A provider that keeps the limits of another one."""

    def __init__(self, provider: ClosableProvider, timing: Timing | None = None) -> None:
        """Limit a provider to its `calls_max` calls at once."""
        self.name = provider.name
        self.calls_max = provider.calls_max
        self._provider = provider
        self._timing = timing or Timing()
        self._places = asyncio.Semaphore(provider.calls_max)
        self._breaker = Breaker()

    def count_input(self, prompt: Prompt) -> int:
        """Return the provider's upper bound of a prompt's tokens."""
        return self._provider.count_input(prompt)

    async def complete(self, call: Call, on_text: OnText | None = None) -> Completion:
        """Answer a call within its deadline; a failure that is transient and costs nothing is tried again.

        Raises ProviderFailed: `provider_is_busy` if no place was free in time, `provider_failed` while the breaker is open,
        else the failure of the last attempt.
        """
        end = self._timing.now() + call.deadline_ms / MILLISECONDS
        attempt = 1
        while True:
            try:
                return await self._attempt(call, on_text, end)
            except ProviderFailed as failed:
                pause_s = self._pause_s(failed, attempt)
                if pause_s is None or self._timing.now() + pause_s >= end:
                    raise
            await self._timing.pause(pause_s)
            attempt += 1

    async def close(self) -> None:
        """Close the provider's connections."""
        await self._provider.close()

    def _pause_s(self, failed: ProviderFailed, attempt: int) -> float | None:
        """Return the seconds until the next attempt; None if there is none."""
        is_charged = failed.input_tokens or failed.output_tokens
        if attempt == ATTEMPTS_MAX or is_charged or not failed.is_transient:
            return None
        asked_s = (failed.retry_after_ms or 0) / MILLISECONDS
        return asked_s + self._timing.jitter(FIRST_PAUSE_S * 2 ** (attempt - 1))

    async def _attempt(self, call: Call, on_text: OnText | None, end: float) -> Completion:
        """Wait for a place, in the order of asking, and ask the provider once."""
        try:
            async with asyncio.timeout(end - self._timing.now()):
                await self._places.acquire()
        except TimeoutError:
            message = f"{self.name} had no free place among its {self.calls_max} within {call.deadline_ms} ms"
            failed = provider_failure(CallFailure.PROVIDER_IS_BUSY, message)
            failed.is_transient = False
            raise failed from None
        try:
            return await self._ask(call, on_text, end)
        finally:
            self._places.release()

    async def _ask(self, call: Call, on_text: OnText | None, end: float) -> Completion:
        """Ask the provider if the breaker admits the call, and tell the breaker how the call ended."""
        admission = self._admit()
        given_ms = max(1, int((end - self._timing.now()) * MILLISECONDS))
        margin_ms = min(MARGIN_MS, given_ms // 10)
        ending = Ending.NEITHER
        try:
            async with asyncio.timeout(given_ms / MILLISECONDS):
                completion = await self._provider.complete(
                    replace(call, deadline_ms=given_ms - margin_ms), on_text
                )
        except TimeoutError:
            ending = failure_ending(CallFailure.PROVIDER_TIMED_OUT, given_ms)
            message = f"{self.name} did not answer within {call.deadline_ms} ms"
            raise provider_failure(CallFailure.PROVIDER_TIMED_OUT, message) from None
        except ProviderFailed as failed:
            ending = failure_ending(CallFailure(failed.error_code), given_ms)
            raise
        else:
            ending = Ending.SUCCEEDED
            return completion
        finally:
            self._breaker = note_ending(self._breaker, admission, ending, self._now_ms())

    def _admit(self) -> Admission:
        """Return how the breaker admits a call; raises ProviderFailed if it does not."""
        self._breaker, admission = admit(self._breaker, self._now_ms())
        if admission is Admission.REFUSED:
            wait_ms = max(0, self._breaker.retry_at_ms - self._now_ms())
            message = f"{self.name} failed {self._breaker.failures} times in a row; it is asked again in {wait_ms / MILLISECONDS:.1f} s"
            failed = provider_failure(CallFailure.PROVIDER_FAILED, message)
            failed.is_transient, failed.retry_after_ms = False, wait_ms
            raise failed
        return admission

    def _now_ms(self) -> int:
        return int(self._timing.now() * MILLISECONDS)
