"""Connections to NATS with the options every econsim client needs, and publishing that survives faults."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import Header, PubAck

from econsim.adapters.clock import jitter
from econsim.adapters.nats.credential_renewal import keep_current, log_error, log_return
from econsim.adapters.nats.patches import apply_patches, call_when_closed, release_failed_publish
from econsim.adapters.nats.publish_guard import restrict_publishing
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.errors import Conflict, InvalidMessage, SetupError, Unavailable
from econsim.identity.access import NAME
from econsim.identity.nats_jwt import read_claims
from econsim.identity.roles import INBOX, ROLES, permissions
from econsim.subjects import AUDIT

RECONNECT_WAIT_S: Final = 0.1
"""Pause between attempts to reach a server that went away; a restarted one is back within 0.3 s."""
PING_INTERVAL_S: Final = 5
"""Two unanswered pings, ten seconds, and the connection counts as dead."""
CONNECT_TIMEOUT_S: Final = 10.0
"""Seconds the first connection may take."""
ATTEMPT_TIMEOUT_S: Final = 1.0
"""Seconds to wait for one acknowledgement before the same message is sent again."""
PAUSE_S: Final = 0.05
"""Seconds before the first repeat; the pause doubles up to PAUSE_MAX_S, so that a full queue can drain."""
PAUSE_MAX_S: Final = 1.0
"""Longest pause between two repeats, in seconds."""
DEADLINE_S: Final = 30.0
"""Seconds to keep trying: a cluster without leader comes back within ten seconds."""
WRONG_LAST_SEQUENCE: Final = 10071
"""The server's code for an expected sequence that does not hold."""
CONFLICTS: Final = frozenset({WRONG_LAST_SEQUENCE, 10164})
"""The server's codes for a key that has another revision, or that somebody else writes now."""
IN_PROCESS: Final = frozenset({10158, 10164})
"""A cluster's codes while another message with this id, or for this subject, is being stored: a repeat is decided."""
EXPECTED_BELOW: Final = f"{Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value}-Subject"
"""Header: the expected sequence is that of the newest message on any subject of this filter; nats-py has no name for it."""
WINDOW: Final = 256
"""Publishes under way at once in a burst: past this the rate no longer grows on file storage."""

OnError = Callable[[Exception], Awaitable[None]]
"""Callback for errors that belong to no call: lost connections, forbidden subjects."""

_TRANSIENT: Final = (
    TimeoutError,
    asyncio.TimeoutError,
    nats.errors.TimeoutError,
    nats.errors.NoRespondersError,
    nats.errors.OutboundBufferLimitError,
    nats.js.errors.NoStreamResponseError,
    nats.js.errors.ServiceUnavailableError,
    nats.js.errors.ServerError,
)

_ID: Final = "Nats-Msg-Id"
_REFUSAL: Final = "authorization violation"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message of a burst."""

    subject: str
    """Concrete subject of the message."""
    payload: bytes
    """Payload in wire form."""
    message_id: str
    """`Nats-Msg-Id`, by which the stream deduplicates: a repeat is idempotent."""


def options(name: str, creds: Path | None = None) -> dict[str, Any]:
    """Return the connection options of every econsim client, for `nats.connect` and `NatsBroker` alike.

    Of the credentials they hold only the inbox prefix, which is the role's own. The file itself goes to `connect`,
    and to a broker as `security=NatsCredentials(file)`.
    """
    role = read_claims(creds).role if creds else ""
    return {
        "name": name,
        "inbox_prefix": f"{INBOX}.{role}" if role else INBOX,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": RECONNECT_WAIT_S,
        "ping_interval": PING_INTERVAL_S,
        "max_outstanding_pings": 2,
    }


def server_urls(url: str) -> list[str]:
    """Return the addresses in a setting: one server, or nodes of a cluster with commas between them."""
    return [each.strip() for each in url.split(",") if each.strip()]


def require_server(url: str) -> None:
    """Raise SetupError if a setting names no server: a client without an address would try for ever."""
    if not server_urls(url):
        message = "no NATS server is running here; start one with `econsim up`, or name one with ECONSIM_NATS"
        raise SetupError(message)


async def connect(
    url: str,
    creds: Path | None,
    name: str,
    on_error: OnError | None = None,
    *,
    patience_s: float = CONNECT_TIMEOUT_S,
) -> Client:
    """Connect as the user of a creds file, to one of the `server_urls` in `url`, and wait until it answers.

    The connection then outlives server restarts. Raises SetupError if there is no server or it refuses, at the latest
    after `patience_s` seconds.
    `on_error` gets errors that belong to no call, such as a publish that is not permitted; default: the log.
    """
    require_server(url)
    apply_patches()
    creds = _existing(creds) if creds else None
    using = options(name, creds) | ({"user_credentials": str(creds)} if creds else {})
    end = time.monotonic() + patience_s
    reasons = ["no answer"]
    # The library retries, but gives up when the server closes the connection while it sends the reason.
    while time.monotonic() < end and _REFUSAL not in reasons[-1].lower():
        client = await _attempt(url, using, on_error or log_error, reasons, end)
        if client is not None:
            await synchronize(client)
            return client if creds is None else _with_renewal(_with_guard(client, creds), creds)
        await asyncio.sleep(RECONNECT_WAIT_S)
    is_refused = _REFUSAL in reasons[-1].lower()
    remedy = (
        "it does not know these credentials: check --creds"
        if is_refused
        else "check --nats, and that it runs"
    )
    message = f"cannot connect to {url} as {creds.stem if creds else 'nobody'}: {reasons[-1]}; {remedy}"
    raise SetupError(message)


def _with_guard(client: Client, creds: Path) -> Client:
    """Return a client that refuses forbidden publishes at once, with a reason; an agent's client stays as it is."""
    who = read_claims(creds)
    if who.role in ROLES:
        allowed = [pattern.replace(NAME, who.name) for pattern in permissions(who.role)["pub"]["allow"]]
        restrict_publishing(client, who.role, allowed, lambda _, error: _log.info("%s", error))
    return client


def _with_renewal(client: Client, creds: Path) -> Client:
    """Return a client whose credentials are kept current until it is closed."""
    renewing = asyncio.create_task(keep_current(client, creds))

    async def stop_renewing() -> None:
        renewing.cancel()

    call_when_closed(client, stop_renewing)
    return client


async def _attempt(
    url: str, using: dict[str, Any], on_error: OnError, reasons: list[str], end: float
) -> Client | None:
    """Try until connected, refused or late; add each error to `reasons`."""
    client = Client()
    refused = asyncio.Event()

    async def collect_error(error: Exception) -> None:
        if connecting.done():
            await on_error(error)
        elif not refused.is_set():
            reasons.append(str(error) or type(error).__name__)
            if _REFUSAL in reasons[-1].lower():
                refused.set()

    told = {"error_cb": collect_error, "reconnected_cb": log_return}
    connecting = asyncio.ensure_future(client.connect(server_urls(url), **using | told))
    waiting = asyncio.ensure_future(refused.wait())
    left_s = end - time.monotonic()
    await asyncio.wait({connecting, waiting}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if client.is_connected:
        return client
    connecting.cancel()
    failed, _ = await asyncio.gather(connecting, client.close(), return_exceptions=True)
    if not refused.is_set() and isinstance(failed, Exception):
        reasons.append(str(failed) or type(failed).__name__)
    return None


def _existing(creds: Path) -> Path:
    if not creds.is_file():
        message = f"there is no creds file {creds}; the embedded server's are in <state>/trust/creds"
        raise SetupError(message)
    return creds


async def synchronize(client: Client) -> None:
    """Wait until the server has seen everything sent so far.

    Twice, because the client writes its ping ahead of buffered subscriptions: a single flush is no barrier.
    """
    await client.flush()
    await client.flush()


async def reliable_publish(  # noqa: PLR0913 - a message has these parts, and two are optional
    stream: JetStreamContext,
    subject: str,
    payload: bytes,
    message_id: str,
    deadline_s: float = DEADLINE_S,
    *,
    expected_sequence: int | None = None,
    among: str | None = None,
) -> PubAck:
    """Publish until acknowledged, always under the same id, so that it is stored once.

    `expected_sequence`, for events, is where the subject's newest one must lie in `audit_log`, 0 for
    none; with `among`, the newest one on any subject of this pattern. Raises Conflict if it lies elsewhere, Unavailable when the deadline passes (the message may then be stored or not),
    InvalidMessage when the stream refuses the message for good.
    """
    end, pause_s = time.monotonic() + deadline_s, PAUSE_S
    headers = event_headers(subject, payload, message_id)
    if expected_sequence is not None:
        headers[Header.EXPECTED_LAST_SUBJECT_SEQUENCE] = str(expected_sequence)
    if among is not None:
        headers[EXPECTED_BELOW] = among
    while True:
        try:
            return await stream.publish(subject, payload, headers=headers, timeout=ATTEMPT_TIMEOUT_S)
        except (*_TRANSIENT, nats.js.errors.APIError, nats.errors.MaxPayloadError) as error:
            code = getattr(error, "err_code", None)
            if code == WRONG_LAST_SEQUENCE:
                return await _own(stream, among or subject, headers)
            if code not in IN_PROCESS and not isinstance(error, _TRANSIENT):
                message = f"{subject} was refused by its stream: {error}"
                raise InvalidMessage(message) from error
            if time.monotonic() > end:
                late = f"no acknowledgement for {subject} within {deadline_s:.0f} s ({error or 'no answer'})"
                message = f"{late}; it may or may not be stored"
                raise Unavailable(message) from error
            await asyncio.sleep(jitter(pause_s))
            pause_s = min(2 * pause_s, PAUSE_MAX_S)


async def _own(stream: JetStreamContext, subject: str, headers: Mapping[str, str]) -> PubAck:
    """Return where the subject's newest event lies if it is this one; raises Conflict if it is another.

    The server looks at the expected sequence before the message id, so a message whose first
    acknowledgement was lost is refused because of itself. The id alone proves nothing: two workers derive the same id
    for the same step. Their digests differ, because an event holds the nanosecond at which it was made.
    """
    try:
        newest = await stream.get_msg(AUDIT, subject=subject)
    except (*_TRANSIENT, nats.js.errors.APIError) as error:
        message = f"the log did not answer about {subject}; the event may or may not be stored"
        raise Unavailable(message) from error
    stored = newest.headers or {}
    if any(stored.get(name) != headers[name] for name in (_ID, DIGEST)):
        message = f"somebody else wrote {subject} in the meantime"
        raise Conflict(message, code="subject_has_another_last_sequence")
    return PubAck(stream=AUDIT, seq=newest.seq or 0, duplicate=True)


def event_headers(subject: str, payload: bytes, message_id: str) -> dict[str, str]:
    """Return the headers of an event: its id, by which the stream deduplicates, and its digest."""
    return {_ID: message_id, DIGEST: digest(subject, payload)}


async def publish_many(
    stream: JetStreamContext, messages: Iterable[Outgoing], deadline_s: float = DEADLINE_S
) -> None:
    """Publish a burst in order, a window at a time; return when everything is acknowledged.

    A message without acknowledgement is sent again under the same id (at-least-once, deduplicated by the stream): the
    order may differ after a fault, but nothing is stored twice. Raises as `reliable_publish`.
    """
    pending = list(messages)
    for start in range(0, len(pending), WINDOW):
        window = pending[start : start + WINDOW]
        acknowledgements = [await _send(stream, message) for message in window]
        await asyncio.wait(acknowledgements, timeout=ATTEMPT_TIMEOUT_S)
        for message, acknowledgement in zip(window, acknowledgements, strict=True):
            acknowledgement.cancel()
            if acknowledgement.cancelled() or acknowledgement.exception():
                await reliable_publish(
                    stream, message.subject, message.payload, message.message_id, deadline_s
                )


async def _send(stream: JetStreamContext, message: Outgoing) -> asyncio.Future[PubAck]:
    try:
        return await stream.publish_async(
            message.subject,
            message.payload,
            headers=event_headers(message.subject, message.payload, message.message_id),
        )
    except (nats.errors.OutboundBufferLimitError, nats.errors.MaxPayloadError) as error:
        release_failed_publish(stream)
        failed: asyncio.Future[PubAck] = asyncio.get_running_loop().create_future()
        failed.set_exception(error)
        return failed
