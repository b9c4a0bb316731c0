"""Streams and buckets as data: their content, their lifetime, and the reason for each limit.

The only place that declares them. `econsim streams plan|apply` compares them with the server's and applies them; everything
else refers to a stream by its name. A bucket is a stream `KV_<bucket>` that captures `$KV.<bucket>.>`. The consumers of the
order queue are in `adapters/jetstream/order_consumers.py`.
"""

from __future__ import annotations

from typing import Final

from econsim.domain.admission.quota import HOUR_S, QuotaKind, pattern
from econsim.domain.workspace.kinds import EVENTS
from econsim.schemas.stream import DAY_S, Source, Stream
from econsim.streams.benchmarks import BATCHES, CELLS
from econsim.streams.buckets import LOG_AGE_S, bucket
from econsim.streams.snapshots import SNAPSHOTS
from econsim.streams.tools import MCP_CACHE, MCP_OUTCOMES, MCP_SERVERS, SERVER_COUNTERS
from econsim.streams.workspace import WORKSPACE_CHUNKS, WORKSPACE_FILES
from econsim.subjects import AUDIT, MCP_REQUESTS, ORDERS, TABLE
from econsim.subjects import TASKS as TASK_QUEUE

MESSAGE_BYTES_MAX: Final = 2**23
"""Value of the server's `max_payload`, 8 MiB: a tick's reservations of 20 000 agents are one request."""

REPEAT_WINDOW_S: Final = 600
"""Deduplication window of a stream: a worker that was away longer must check before it publishes."""

READERS_MAX: Final = 10_000
"""Consumers of one stream. The server's own default is 1000, and a run has one consumer per reader."""

QUEUE_MESSAGES_MAX: Final = 1_000_000
"""Commands that wait in one queue: fifty of each agent of the largest run."""


def book_commands(run: str, resource: str) -> str:
    """Return the pattern of all commands to one order book."""
    return f"market.{resource}.*.{run}.*"


AGENT_STATE: Final = Stream(
    name=bucket("agent_state"),
    why="The one source of truth about accounts: balances, holdings and the journal of every transfer.",
    subjects=("$KV.agent_state.>",),
    compressed=True,
    max_msgs_per_subject=10_000_000,
    allow_direct=True,
    allow_atomic=True,
    deny_delete=True,
    deny_purge=True,
    reasons={
        "compressed": "journal entries repeat their names: a quarter of the bytes remains",
        "max_msgs_per_subject": "full history; a number because clients refuse a bucket without one",
        "allow_direct": "agents read their own keys without the JetStream API",
        "allow_atomic": "a movement of money is one batch: all keys or none",
        "deny_delete": "accounts are never edited",
        "deny_purge": "no client may delete all accounts",
    },
)

AUDIT_LOG: Final = Stream(
    name=AUDIT,
    why="Every event of every run in one order; replays, validators and recovery read it.",
    subjects=("agent.*.*.*", "market.*.*.*", "system.*.*.*", "mcp.*.*.*"),
    sources=(
        Source(
            AGENT_STATE.name,
            (
                ("$KV.agent_state.*.transfer.*", "market.ledger.transfer_posted.{{wildcard(1)}}"),
                ("$KV.agent_state.*.refusal.*", "market.ledger.transfer_refused.{{wildcard(1)}}"),
            ),
        ),
        Source(
            WORKSPACE_FILES.name,
            tuple(
                (
                    f"$KV.workspace_files.*.*.{kind}.*",
                    row.template.replace("{run}", "{{wildcard(1)}}"),
                )
                for kind, row in EVENTS.items()
            ),
        ),
    ),
    compressed=True,
    max_age_s=LOG_AGE_S,
    max_consumers=READERS_MAX,
    duplicate_window_s=REPEAT_WINDOW_S,
    allow_direct=True,
    allow_atomic=True,
    deny_delete=True,
    deny_purge=True,
    reasons={
        "compressed": "events repeat their names: a quarter of the bytes remains",
        "max_age_s": "a month of runs can be replayed; older runs belong in an export",
        "max_consumers": "each host, book and follower of a run reads it with its own consumer",
        "duplicate_window_s": "a restarted worker publishes again events that it may have published before",
        "allow_direct": "the newest event on a subject is one request",
        "allow_atomic": "an executor stores the events of many ticks at once, all or none; only services write here",
        "deny_delete": "the log cannot be edited with any permission",
        "deny_purge": "the log cannot be emptied with any permission",
    },
)

MARKET_ORDERS: Final = Stream(
    name=ORDERS,
    why="Commands waiting for their market; each is removed when its effects are stored.",
    subjects=tuple(row.pattern() for row in TABLE if row.stream == ORDERS),
    retention="workqueue",
    discard="new",
    max_age_s=30 * DAY_S,
    max_msgs=QUEUE_MESSAGES_MAX,
    max_consumers=READERS_MAX,
    duplicate_window_s=REPEAT_WINDOW_S,
    reasons={
        "retention": "a command is done once: acknowledged after its effects",
        "discard": "backpressure: a full queue refuses the publisher instead of dropping another agent's order",
        "max_age_s": "a resumed run continues with the commands of its tick, as long as its log is kept",
        "max_msgs": "the server's memory stays bounded when no market runs",
        "max_consumers": "one per book, and a run may have hundreds of books",
        "duplicate_window_s": "a host that restarts sends its tick's orders again",
    },
)


def _request_queue(name: str, why: str, pattern: str) -> Stream:
    """Return a work queue of requests that wait for a service."""
    return Stream(
        name=name,
        why=why,
        subjects=(pattern,),
        retention="workqueue",
        discard="new",
        max_age_s=DAY_S,
        max_msgs=100_000,
        reasons={
            "retention": "a request is done once: acknowledged after its effects",
            "discard": "backpressure: a full queue refuses the publisher instead of dropping another agent's request",
            "max_age_s": "no requester waits longer than a day for an answer",
            "max_msgs": "the server's memory stays bounded when no worker runs",
        },
    )


TOOL_CALLS: Final = _request_queue(
    MCP_REQUESTS, "Calls of outside tools, waiting for the gateway.", "mcp.request.*.*.*"
)
TASKS: Final = _request_queue(
    TASK_QUEUE, "Tasks that one agent delegates to another, waiting for a taker.", "system.task.delegate.*.*"
)

DEAD_LETTER: Final = Stream(
    name="dead_letter",
    why="Messages that no handler could finish, each with its reason and origin, until an operator decides.",
    subjects=("dead_letter.>",),
    max_age_s=30 * DAY_S,
    max_msgs=100_000,
    duplicate_window_s=REPEAT_WINDOW_S,
    allow_direct=True,
    reasons={
        "max_age_s": "as long as the log that explains the letters",
        "max_msgs": "a broken producer cannot fill the disk; the oldest letters go first",
        "duplicate_window_s": "a handler and the server's advisory may both report the same message",
        "allow_direct": "reading a letter is one request",
    },
)

QUEUES: Final = frozenset({MARKET_ORDERS.name, TOOL_CALLS.name, TASKS.name})
"""Work queues of services: each of their messages is finished by one worker, or becomes a dead letter."""

ADVISORIES: Final = Stream(
    name="advisories",
    why="The server's advisories about messages that it does not deliver again, until each is a dead letter.",
    subjects=tuple(
        f"$JS.EVENT.ADVISORY.CONSUMER.{kind}.{queue}.*"
        for queue in sorted(QUEUES)
        for kind in ("MAX_DELIVERIES", "MSG_TERMINATED")
    ),
    max_age_s=DAY_S,
    max_msgs=100_000,
    allow_direct=True,
    reasons={
        "max_age_s": "the message itself is gone after a day",
        "max_msgs": "a worker that crashes again and again cannot fill the disk",
        "allow_direct": "a look for new advisories is one request",
    },
)

MARKET_PRICES: Final = Stream(
    name=bucket("market_prices"),
    why="The newest price of every market; the log has every price, as its market published it.",
    subjects=("$KV.market_prices.>",),
    max_age_s=30 * DAY_S,
    max_msgs_per_subject=1,
    duplicate_window_s=REPEAT_WINDOW_S,
    allow_direct=True,
    reasons={
        "max_age_s": "as long as the log",
        "max_msgs_per_subject": "earlier prices are in the log",
        "duplicate_window_s": "a restarted market writes its last price again",
        "allow_direct": "agents read prices without the JetStream API",
    },
)

LLM_TEXTS: Final = Stream(
    name=bucket("llm_texts"),
    why="Long prompts and answers of calls, each under its SHA-256; the log's events name the digest.",
    subjects=("$KV.llm_texts.>",),
    compressed=True,
    max_age_s=LOG_AGE_S + DAY_S,
    max_msgs_per_subject=1,
    duplicate_window_s=REPEAT_WINDOW_S,
    allow_direct=True,
    deny_delete=True,
    deny_purge=True,
    reasons={
        "compressed": "prompts repeat their instructions",
        "max_age_s": "a text is stored before the event that names it, and must not expire before it",
        "max_msgs_per_subject": "whatever is stored again under a digest is the same text, with a new age",
        "duplicate_window_s": "agents with one prompt do not write it again and again",
        "allow_direct": "reading a text is one request",
        "deny_delete": "a part of the log cannot be edited with any permission",
        "deny_purge": "a part of the log cannot be emptied with any permission",
    },
)

LEASES: Final = Stream(
    name=bucket("leases"),
    why="The leader of each task: the one writer of a book, a ledger or a clock; a lease that is not renewed expires.",
    subjects=("$KV.leases.>",),
    max_msgs_per_subject=1,
    max_age_s=DAY_S,
    allow_msg_ttl=True,
    reasons={
        "max_msgs_per_subject": "only the present leader matters",
        "max_age_s": "a lease lasts seconds; one that is a day old is a mistake",
        "allow_msg_ttl": "each lease has its own length",
    },
)

QUOTA_PREFIX: Final = "quota"
"""First token of the subject of every counter: `quota.<kind>.<run>.<agent>.<window number, or total>`."""


def _counters(name: str, why: str, window_s: int, max_age_s: int, reasons: dict[str, str]) -> Stream:
    """Return the stream of the counters of all quotas with this window; counters of seconds are in memory.

    Counters live in three streams, one per lifetime: a counter stream refuses age limits of single messages, and also
    `discard: new` and work-queue retention.
    """
    in_memory = window_s == 1
    return Stream(
        name=name,
        why=why,
        subjects=(
            *(f"{QUOTA_PREFIX}.{pattern(kind)}" for kind in QuotaKind if kind.window_s == window_s),
            *(f"{QUOTA_PREFIX}.{word}.*.*.*" for size, word in SERVER_COUNTERS.items() if size == window_s),
        ),
        storage="memory" if in_memory else "file",
        max_age_s=max_age_s,
        max_msgs=500_000 if in_memory else -1,
        max_msgs_per_subject=1,
        allow_msg_counter=True,
        reasons=reasons
        | {
            "max_msgs_per_subject": "a counter is the newest message of its subject; earlier increments are not needed",
            "allow_msg_counter": "one request adds and returns the total, however many workers add at once",
        },
    )


QUOTA_SECONDS: Final = _counters(
    "quota_seconds",
    "Amounts that each agent took in each second; a counter is not needed after its window.",
    window_s=1,
    max_age_s=120,
    reasons={
        "storage": "35 000 increments a second instead of 4 500 on a disk that is flushed; "
        "`services/admin/memory_streams.py` creates it again after a single server restarted",
        "max_age_s": "one second, room for workers whose clocks differ, and no less than message ids are remembered",
        "max_msgs": "the server's memory stays bounded; the oldest windows go first, and they have passed",
    },
)
QUOTA_HOURS: Final = _counters(
    "quota_hours",
    "Amounts that each agent took in each hour.",
    window_s=HOUR_S,
    max_age_s=2 * HOUR_S,
    reasons={
        "max_age_s": "an hour more than a window: the age counts from the last increment, maybe the first"
    },
)
QUOTA_USAGE: Final = _counters(
    "quota_usage",
    "Amounts that each agent uses now, or took since its run opened.",
    window_s=0,
    max_age_s=30 * DAY_S,
    reasons={"max_age_s": "as long as the log: without its total an agent could take everything again"},
)

QUOTAS: Final = Stream(
    name=bucket("quotas"),
    why="Limits that differ from the defaults: of a run, key `<run>.default`, or of one agent, `<run>.<agent>`.",
    subjects=("$KV.quotas.>",),
    max_msgs_per_subject=1,
    allow_direct=True,
    reasons={
        "max_msgs_per_subject": "only the limits in force matter; the log records who changed them",
        "allow_direct": "roles that may read limits do so without the JetStream API",
    },
)

STREAMS: Final = (
    AGENT_STATE,
    WORKSPACE_FILES,
    WORKSPACE_CHUNKS,
    AUDIT_LOG,
    MARKET_ORDERS,
    TOOL_CALLS,
    TASKS,
    DEAD_LETTER,
    ADVISORIES,
    MARKET_PRICES,
    LLM_TEXTS,
    MCP_OUTCOMES,
    MCP_CACHE,
    MCP_SERVERS,
    LEASES,
    *SNAPSHOTS.values(),
    QUOTA_SECONDS,
    QUOTA_HOURS,
    QUOTA_USAGE,
    QUOTAS,
    CELLS,
    BATCHES,
)
"""All streams; a source stands before the stream that copies it."""
