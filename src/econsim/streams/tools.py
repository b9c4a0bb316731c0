"""Streams and buckets of the tool gateway."""

from __future__ import annotations

from typing import Final

from econsim.domain.admission.quota import HOUR_S
from econsim.schemas.stream import DAY_S, Stream
from econsim.streams.buckets import LOG_AGE_S, bucket

MCP_OUTCOMES: Final = Stream(
    name=bucket("mcp_outcomes"),
    why="The outcome of each call of a tool, under run, agent and the call's id: the first one stored counts.",
    subjects=("$KV.mcp_outcomes.>",),
    max_age_s=LOG_AGE_S + DAY_S,
    max_msgs_per_subject=1,
    allow_direct=True,
    deny_delete=True,
    deny_purge=True,
    reasons={
        "max_age_s": "as long as the log: a repeat after that would be a new call",
        "max_msgs_per_subject": "an outcome is written once and never changed",
        "allow_direct": "a look for an outcome is one request",
        "deny_delete": "an outcome that was paid for cannot be taken back",
        "deny_purge": "no client may have every call made again",
    },
)

MCP_CACHE: Final = Stream(
    name=bucket("mcp_cache"),
    why="Results of pure tools, each for as long as the operator says; losing them costs calls and nothing else.",
    subjects=("$KV.mcp_cache.>",),
    max_age_s=DAY_S,
    max_msgs=20_000,
    max_msgs_per_subject=1,
    allow_direct=True,
    allow_msg_ttl=True,
    reasons={
        "max_age_s": "longer than any time that an operator may keep a result",
        "max_msgs": "the disk stays bounded; the oldest results go first",
        "max_msgs_per_subject": "only the newest result of a call is of use",
        "allow_direct": "a look for a result is one request",
        "allow_msg_ttl": "each tool has its own length of time",
    },
)

MCP_SERVERS: Final = Stream(
    name=bucket("mcp_servers"),
    why="The circuit breaker of each tool server, shared by the workers of the gateway.",
    subjects=("$KV.mcp_servers.>",),
    max_age_s=DAY_S,
    max_msgs_per_subject=1,
    allow_direct=True,
    reasons={
        "max_age_s": "a breaker rests for seconds; one that nobody wrote for a day is closed",
        "max_msgs_per_subject": "only the present state matters",
        "allow_direct": "workers read all states in one request",
    },
)

SERVER_COUNTERS: Final = {1: "mcp_second", HOUR_S: "mcp_hour"}
"""Seconds of a window → first token of the counters of one agent's calls of one tool server; a counter's name is
`<this>.<run>.<agent>.<server>-<window number>`."""
