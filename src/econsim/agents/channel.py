"""An agent's channel to econsim: requests with typed replies, and messages that are retried until they are stored.

An agent uses short subject names: the server adds the run and the agent, which its account implies. Core NATS only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import nats.errors
from nats.aio.client import Client
from pydantic import ValidationError

from econsim.adapters.clock import jitter
from econsim.adapters.nats.rpc import NO_SERVICE, REQUEST_TIMEOUT_S, ask, json_of, refusal
from econsim.domain.admission.reports import REPORT_BYTES_MAX
from econsim.errors import EconsimError, InvalidMessage, Unavailable
from econsim.identity.agent_account import short_name
from econsim.schemas.admission import Admitted, EntryRefused
from econsim.schemas.base import Message
from econsim.schemas.subject import Subject

PATIENCE_S: Final = 30.0
"""Seconds of retries at most, under backpressure or without an answer: a cluster without leader is back in ten seconds."""

ATTEMPT_S: Final = 2.0
"""Seconds to wait for one acknowledgement before the same message is sent again."""

AWAY_S: Final = 2.0
"""Seconds of retries when no service answers: a service that reconnects is back sooner, a wrong name never answers."""

PAUSE_MS: Final = 100
"""Milliseconds of a pause when an error does not say how long to wait."""

READ_TIMEOUT_S: Final = 5.0
"""Seconds to wait for one stored value."""

Reply = TypeVar("Reply", bound=Message)
Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class AgentChannel:
    """Requests and messages of one agent, in the agent's own account."""

    def __init__(self, client: Client, run: str, agent: str, patience_s: float = PATIENCE_S) -> None:
        """Use a connection that was made with the agent's own credentials."""
        self.client = client
        self.run = run
        self.agent = agent
        self.waited_ms = 0
        """Milliseconds this agent waited so far because of a rate limit, a full queue or a missing answer."""
        self._patience_s = patience_s

    async def ask(
        self,
        row: Subject,
        request: Message | bytes,
        reply: type[Reply],
        timeout_s: float = REQUEST_TIMEOUT_S,
        **places: str,
    ) -> Reply:
        """Ask a service; retry when the error is retryable, or when the service is absent for a moment.

        Raises what `rpc.ask` raises when the time for retries ends.
        """
        subject = short_name(row, self.agent, **places)
        return await self._retry(subject, lambda: ask(self.client, subject, request, reply, timeout_s))

    async def send(self, row: Subject, message: Message, **places: str) -> Admitted:
        """Send an order or report until it is stored; its id makes the retries idempotent.

        Waits with jitter while the agent is over a rate limit or a queue is full, and sends the message again when no answer comes.
        Raises InvalidMessage before sending if the message is too large; QuotaExceeded, Unavailable (the message may
        then be stored or not) or another Refused.
        """
        subject, payload = short_name(row, self.agent, **places), json_of(message)
        if len(payload) > REPORT_BYTES_MAX:
            # The server ends a connection over a message that is far too large.
            text = f"the message has {len(payload)} bytes; at most {REPORT_BYTES_MAX} are taken"
            raise InvalidMessage(text, code="message_is_too_large")
        return await self._retry(subject, lambda: self._send_once(subject, payload))

    async def _send_once(self, subject: str, payload: bytes) -> Admitted:
        try:
            answer = await self.client.request(subject, payload, timeout=ATTEMPT_S)
        except (TimeoutError, nats.errors.Error) as error:
            text = f"no acknowledgement for {subject} within {ATTEMPT_S:g} s; it may or may not be stored"
            raise Unavailable(text, code="outcome_is_unknown") from error
        try:
            if (answer.headers or {}).get("status") == "error":
                raise refusal(EntryRefused.model_validate_json(answer.data).refusal)
            return Admitted.model_validate_json(answer.data)
        except ValidationError as error:
            text = f"the answer on {subject} is no acknowledgement"
            raise InvalidMessage(text) from error

    async def _retry(self, subject: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        began = time.monotonic()
        end = began + self._patience_s
        while True:
            try:
                return await attempt()
            except EconsimError as error:
                passes = error.retryable
                if error.error_code == NO_SERVICE:
                    passes = time.monotonic() < began + AWAY_S
                # Jitter: never earlier than `retry_after_ms`, and not every agent at the same moment.
                wait_ms = (error.retry_after_ms or PAUSE_MS) * 2 * jitter(1.0)
                late = time.monotonic() + wait_ms / 1000 > end
                if late or not passes or self.client.is_closed:
                    raise
                _log.info("%s waits %d ms before %s: %s", self.agent, wait_ms, subject, error)
                self.waited_ms += int(wait_ms)
                await asyncio.sleep(wait_ms / 1000)


async def read_stored_value(client: Client, name: str) -> bytes | None:
    """Return the value stored under one of the agent's `state.…` names; none if nothing is stored.

    Raises Unavailable if the server does not answer.
    """
    try:
        reply = await client.request(name, timeout=READ_TIMEOUT_S)
    except (TimeoutError, nats.errors.Error) as error:
        message = f"the server did not return {name} within {READ_TIMEOUT_S:g} s"
        raise Unavailable(message) from error
    return reply.data if "Nats-Sequence" in (reply.headers or {}) else None
