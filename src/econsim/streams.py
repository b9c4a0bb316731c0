"""Streams, buckets and consumers as data: what is kept, for how long, and the reason for each limit.

The only place they are declared. `econsim streams plan|apply` compares and applies them through
`adapters.jetstream`; everything else refers to a stream by name and never declares it. A bucket is
a stream named `KV_<bucket>` that owns `$KV.<bucket>.>`. What one is made of is `stream_form`'s, those of the
quotas are `quota_streams`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from econsim.domain.admission.quota_streams import QUOTA_HOURS, QUOTA_SECONDS, QUOTA_USAGE, QUOTAS
from econsim.schemas.stream import DAY_S, Source, Stream
from econsim.subjects import AUDIT, ORDERS

MESSAGE_BYTES_MAX: Final = 2**23
"""The server's `max_payload`, 8 MiB: a tick's reservations of 20 000 agents are one request."""

REPEAT_WINDOW_S: Final = 600
"""How long a stream knows message ids: a worker that was away longer must look before it publishes."""

READERS_MAX: Final = 10_000
"""Consumers on one stream. Set because the server's own default is 1000, and a run has one per reader."""

QUEUE_MESSAGES_MAX: Final = 1_000_000
"""Commands waiting in one queue: a tick of 100 000 agents with ten orders each."""


def bucket(name: str) -> str:
    """Return the name of the stream behind a bucket."""
    return f"KV_{name}"


def _bucket_subjects(name: str) -> tuple[str, ...]:
    return (f"$KV.{name}.>",)


AGENT_STATE: Final = Stream(
    name=bucket("agent_state"),
    why="The one source of truth about accounts: balances, holdings and the journal of every transfer.",
    subjects=_bucket_subjects("agent_state"),
    max_msgs_per_subject=10_000_000,
    allow_direct=True,
    allow_atomic=True,
    deny_delete=True,
    deny_purge=True,
    reasons=MappingProxyType(
        {
            "max_msgs_per_subject": "full history; a number because clients refuse a bucket without one",
            "allow_direct": "agents read their own keys without the JetStream API",
            "allow_atomic": "a movement of money is one batch: all keys or none",
            "deny_delete": "the books are never edited",
            "deny_purge": "the books are never thrown away by a client",
        }
    ),
)

AUDIT_LOG: Final = Stream(
    name=AUDIT,
    why="Every event of every run in one order; what replays, validators and recovery read.",
    subjects=("agent.*.*.*", "market.*.*.*", "system.*.*.*", "mcp.*.*.*"),
    sources=(
        Source(
            AGENT_STATE.name,
            (
                ("$KV.agent_state.*.transfer.*", "market.ledger.transfer_posted.{{wildcard(1)}}"),
                ("$KV.agent_state.*.refusal.*", "market.ledger.transfer_refused.{{wildcard(1)}}"),
            ),
        ),
    ),
    max_age_s=30 * DAY_S,
    max_consumers=READERS_MAX,
    duplicate_window_s=REPEAT_WINDOW_S,
    allow_direct=True,
    deny_delete=True,
    deny_purge=True,
    reasons=MappingProxyType(
        {
            "max_age_s": "a month of runs can be replayed; longer belongs in an export",
            "max_consumers": "each host, book and follower of a run reads it with its own consumer",
            "duplicate_window_s": "a restarted worker publishes again what it may have published before",
            "allow_direct": "the newest event on a subject is one request",
            "deny_delete": "nobody edits the log, whatever their permissions",
            "deny_purge": "nobody empties the log, whatever their permissions",
        }
    ),
)

MARKET_ORDERS: Final = Stream(
    name=ORDERS,
    why="Commands waiting for their market; each is removed when its effects are stored.",
    subjects=tuple(
        f"market.*.{action}.*.*"
        for action in (
            "place_bid",
            "place_ask",
            "cancel_order",
            "replace_order",
            "place_orders",
            "close_tick",
        )
    ),
    retention="workqueue",
    discard="new",
    max_age_s=30 * DAY_S,
    max_msgs=QUEUE_MESSAGES_MAX,
    max_consumers=READERS_MAX,
    duplicate_window_s=REPEAT_WINDOW_S,
    reasons=MappingProxyType(
        {
            "retention": "a command is done once: acknowledged after its effects",
            "discard": "a full queue refuses the publisher instead of dropping somebody else's order",
            "max_age_s": "a stopped run goes on with the commands of its tick, as long as its log is kept",
            "max_msgs": "the server's memory stays bounded when no market works",
            "max_consumers": "one per book, and a run may have hundreds of books",
            "duplicate_window_s": "a host that restarts sends its tick's orders again",
        }
    ),
)

_ONE_TRY_A_DAY: Final = MappingProxyType(
    {
        "retention": "a request is done once: acknowledged after its effects",
        "discard": "a full queue refuses the publisher instead of dropping somebody else's request",
        "max_age_s": "nobody waits longer than a day for an answer",
        "max_msgs": "the server's memory stays bounded when no worker runs",
    }
)

MCP_REQUESTS: Final = Stream(
    name="mcp_requests",
    why="Calls of outside tools, waiting for the gateway.",
    subjects=("mcp.request.*.*.*",),
    retention="workqueue",
    discard="new",
    max_age_s=DAY_S,
    max_msgs=100_000,
    reasons=_ONE_TRY_A_DAY,
)

TASKS: Final = Stream(
    name="tasks",
    why="Work one agent gives to another, waiting for a taker.",
    subjects=("system.task.delegate.*.*",),
    retention="workqueue",
    discard="new",
    max_age_s=DAY_S,
    max_msgs=100_000,
    reasons=_ONE_TRY_A_DAY,
)

DEAD_LETTER: Final = Stream(
    name="dead_letter",
    why="Messages no handler could finish, each with its reason and origin, until a person decides.",
    subjects=("dead_letter.>",),
    max_age_s=30 * DAY_S,
    max_msgs=100_000,
    duplicate_window_s=REPEAT_WINDOW_S,
    allow_direct=True,
    reasons=MappingProxyType(
        {
            "max_age_s": "as long as the log that explains them",
            "max_msgs": "a broken producer cannot fill the disk; the oldest give way",
            "duplicate_window_s": "a handler and the server's advisory may both report the same message",
            "allow_direct": "showing one is one request",
        }
    ),
)

QUEUES: Final = frozenset({MARKET_ORDERS.name, MCP_REQUESTS.name, TASKS.name})
"""Work queues: streams whose messages are each somebody's to finish."""

_GIVEN_UP: Final = ("MAX_DELIVERIES", "MSG_TERMINATED")

ADVISORIES: Final = Stream(
    name="advisories",
    why="What the server said of messages it gave up, until each of them is a dead letter.",
    subjects=tuple(
        f"$JS.EVENT.ADVISORY.CONSUMER.{what}.{queue}.*" for queue in sorted(QUEUES) for what in _GIVEN_UP
    ),
    max_age_s=DAY_S,
    max_msgs=100_000,
    allow_direct=True,
    reasons=MappingProxyType(
        {
            "max_age_s": "the message itself is gone after a day",
            "max_msgs": "a worker that crashes for ever cannot fill the disk",
            "allow_direct": "looking for new ones is one request",
        }
    ),
)

MARKET_PRICES: Final = Stream(
    name=bucket("market_prices"),
    why="The newest price of every market; the log has each, as its market told it.",
    subjects=_bucket_subjects("market_prices"),
    max_age_s=30 * DAY_S,
    max_msgs_per_subject=1,
    duplicate_window_s=REPEAT_WINDOW_S,
    allow_direct=True,
    reasons=MappingProxyType(
        {
            "max_age_s": "as long as the log",
            "max_msgs_per_subject": "the past is in the log",
            "duplicate_window_s": "a restarted market writes its last price again",
            "allow_direct": "agents read prices without the JetStream API",
        }
    ),
)

LEASES: Final = Stream(
    name=bucket("leases"),
    why="Who is the one writer of a book, a ledger or a clock; a key that is not renewed goes away.",
    subjects=_bucket_subjects("leases"),
    max_msgs_per_subject=1,
    max_age_s=DAY_S,
    allow_msg_ttl=True,
    reasons=MappingProxyType(
        {
            "max_msgs_per_subject": "only the present holder matters",
            "max_age_s": "a lease lasts seconds; what is a day old is a mistake",
            "allow_msg_ttl": "each lease has its own length",
        }
    ),
)

STREAMS: Final = (
    AGENT_STATE,
    AUDIT_LOG,
    MARKET_ORDERS,
    MCP_REQUESTS,
    TASKS,
    DEAD_LETTER,
    ADVISORIES,
    MARKET_PRICES,
    LEASES,
    QUOTA_SECONDS,
    QUOTA_HOURS,
    QUOTA_USAGE,
    QUOTAS,
)
"""Every stream, a source before the stream that copies it."""

MARKET_INBOX: Final = "_INBOX.market"
"""Below which the queue's deliveries go: only the market service may listen there."""

BOOK_ACK_WAIT_S: Final = 300
"""Seconds until an unacknowledged command comes again by itself. Long, because commands of a tick are
held until it is cleared; a worker that takes a book over recreates the consumer and has them at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """One durable push consumer."""

    stream: str
    """What it reads."""
    name: str
    """Its durable name."""
    why: str
    """What it is for, in one sentence."""
    filter_subject: str
    """What of the stream it delivers."""
    deliver_subject: str
    """Where the server sends messages; another for each worker that takes over."""
    ack_wait_s: int
    """Seconds until an unacknowledged message is delivered again."""
    max_ack_pending: int
    """Messages delivered and not yet acknowledged."""
    max_deliver: int = -1
    """Deliveries of one message; -1 for no limit."""
    idle_heartbeat_s: int = 1
    """Seconds of silence after which the server says that it is still there."""


def book_name(run: str, resource: str) -> str:
    """Return the name of a book's consumer; the capitals, which no name has, keep run and resource apart."""
    return f"book_{resource}_OF_{run}"


def book_consumer(run: str, resource: str, holder: str = "any") -> Consumer:
    """Return the consumer that feeds one order book of one run.

    `holder` is a name made anew for every take-over. Deliveries go to a subject of that name, so a
    worker never hears what was meant for the one before it: commands would arrive out of order, with
    the mark that closes a tick ahead of the tick's own orders, or at two workers at once.
    """
    name = book_name(run, resource)
    return Consumer(
        stream=ORDERS,
        name=name,
        why="Feeds one order book; one worker at a time, by lease.",
        filter_subject=f"market.{resource}.*.{run}.*",
        deliver_subject=f"{MARKET_INBOX}.{name}.{holder}",
        ack_wait_s=BOOK_ACK_WAIT_S,
        # The whole queue: commands are held until their tick is closed, and with a lower limit the
        # server would hold back the very message that closes it.
        max_ack_pending=QUEUE_MESSAGES_MAX,
        # A command is refused with an event, never given up in silence.
        max_deliver=-1,
    )


STUCK_ACK_WAIT_S: Final = 30
"""Seconds until a stuck command that a sweep received and did not turn into a dead letter is delivered again."""

STUCK_PENDING_MAX: Final = 1_000
"""Stuck commands under way at once: a queue full of them must not fill the sweep's memory."""


def stuck_consumer(run: str, resource: str, holder: str) -> Consumer:
    """Return the consumer that takes commands off the queue for which there is no book.

    `holder` is a name made anew each time; it alone stands in the consumer's name, because run and
    resource come from whoever sent the commands.
    """
    name = f"stuck_{holder}"
    return Consumer(
        stream=ORDERS,
        name=name,
        why="Moves commands without a book to the dead letters; made when some are found.",
        filter_subject=f"market.{resource}.*.{run}.*",
        deliver_subject=f"{MARKET_INBOX}.{name}",
        ack_wait_s=STUCK_ACK_WAIT_S,
        max_ack_pending=STUCK_PENDING_MAX,
        max_deliver=-1,
    )
