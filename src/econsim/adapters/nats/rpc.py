"""Requests to econsim's services: always with a time-out, typed errors, and safe repeats."""

from __future__ import annotations

import asyncio
import time
from typing import Final, TypeVar

import nats.errors
from nats.aio.client import Client
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from econsim import subjects
from econsim.adapters.nats.figures import figures_of
from econsim.errors import EconsimError, InvalidMessage, NotFound, QuotaExceeded, Refused, Unavailable
from econsim.schemas.base import ErrorBody, ErrorReply, Message
from econsim.schemas.ledger import Submit, Submitted

REQUEST_TIMEOUT_S: Final = 5.0
"""Seconds to wait for one answer; a job that takes longer than 30 s belongs in a work queue."""

SUBMIT_DEADLINE_S: Final = 120.0
"""Seconds to try to reach a service: a restarted leader waits for its lease and reads its log."""

PAUSE_S: Final = 0.05
"""Pause before the request is repeated, in seconds."""

NO_SERVICE: Final = "no_service_answers"
"""Code of a request that no service subscribes to."""

TOO_LARGE: Final = "message_is_too_large"
"""Code of a request that is larger than a message may be."""

Reply = TypeVar("Reply", bound=Message)


async def ask(
    client: Client,
    subject: str,
    request: Message | bytes,
    reply: type[Reply],
    timeout_s: float = REQUEST_TIMEOUT_S,
) -> Reply:
    """Ask a service and return its typed reply; bytes are sent as they are.

    Raises Refused for an error reply, InvalidMessage if the request is larger than a message may be, NotFound if nobody
    answers on the subject, Unavailable if the answer did not come in time: whether a command took effect is then
    unknown, so repeat it by its id.
    """
    started, is_answered = time.perf_counter(), False
    try:
        payload = request if isinstance(request, bytes) else json_of(request)
        message = await client.request(subject, payload, timeout=timeout_s)
        is_answered = True
    except nats.errors.NoRespondersError as error:
        text = (
            f"nobody answers on {subject}: its service is just starting or not running, or there is no such run or market; "
            "try again in a moment"
        )
        absent = NotFound(text, code=NO_SERVICE)
        # The sender cannot know which it is, and a service that starts is there within seconds.
        absent.retryable = True
        raise absent from error
    except nats.errors.MaxPayloadError as error:
        text = f"the request on {subject} has more bytes than a message may have"
        raise InvalidMessage(text, code=TOO_LARGE) from error
    except (TimeoutError, nats.errors.Error) as error:
        text = f"no answer on {subject} within {timeout_s:g} s"
        raise Unavailable(text) from error
    finally:
        seconds = time.perf_counter() - started
        figures_of(client).note_round_trip(subject, seconds, is_answered=is_answered)
    if (message.headers or {}).get("status") == "error":
        raise refusal(ErrorReply.model_validate_json(message.data).error)
    try:
        return reply.model_validate_json(message.data)
    except ValidationError as error:
        text = f"the reply on {subject} is not a {reply.__name__}"
        raise InvalidMessage(text) from error


def json_of(message: Message) -> bytes:
    """Return a message in its wire form; raises InvalidMessage for content that no JSON text can hold."""
    try:
        return message.model_dump_json().encode()
    except PydanticSerializationError as error:
        text = f"the {type(message).__name__} cannot be written as JSON: {error}"
        raise InvalidMessage(text) from None


async def submit(client: Client, run: str, sender: str, command: Submit) -> Submitted:
    """Submit transfers until the ledger has answered; the command's id makes repeats idempotent.

    Raises Refused if the submission itself is refused, Unavailable for a payment that comes too late for its period, and
    after SUBMIT_DEADLINE_S.
    """
    return await ask_until_answered(client, subjects.SUBMIT(run=run, agent=sender), command, Submitted)


async def ask_until_answered(
    client: Client, subject: str, command: Message, reply: type[Reply], timeout_s: float = REQUEST_TIMEOUT_S
) -> Reply:
    """Ask a service until it answers: a command with an id of its own, so that repeats are idempotent.

    Raises Refused if the command is refused, Unavailable if it is to be tried again after a time that the answer names, and
    Unavailable or NotFound after SUBMIT_DEADLINE_S without an answer.
    """
    end = time.monotonic() + SUBMIT_DEADLINE_S
    while True:
        try:
            return await ask(client, subject, command, reply, timeout_s)
        except (NotFound, Unavailable) as error:
            if error.retry_after_ms is not None or time.monotonic() > end:
                raise
            await asyncio.sleep(PAUSE_S)


def refusal(body: ErrorBody) -> EconsimError:
    """Return the error an error reply stands for: by kind, with its code, details and time to wait."""
    kind: type[EconsimError] = Unavailable if body.retryable else Refused
    if "quota" in body.details:
        kind = QuotaExceeded
    return kind(body.message, code=body.code, retry_after_ms=body.retry_after_ms, **body.details)
