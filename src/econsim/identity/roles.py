"""Permissions of every role in accounts `SIM` and `READERS`: explicit lists, derived from the subject table.

A role owns the subjects that `subjects.TABLE` says it publishes or answers. ROLES adds the subjects it publishes and
subscribes to, and the streams and buckets it uses. No role has a bare `>`, and none subscribes to another's inbox.
The trust root writes these lists into the scoped signing keys of the roles; the server enforces them. Roles that only
read live in `READERS`, which imports the request for stored messages and nothing else (decision 0016). Permissions of agents in
their own accounts are in `identity/agent_account.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from econsim import subjects
from econsim.errors import NotFound
from econsim.identity.access import NAME, Access, stream_subjects
from econsim.identity.host_requests import HOST_REQUESTS
from econsim.schemas.subject import ANSWERED, OWNERS, PLACE, PUBLISHED, SHARED, Subject, SubjectKind
from econsim.schemas.subjects.trace import SPANS
from econsim.streams import STREAMS
from econsim.streams.benchmarks import BATCHES, CELLS
from econsim.subjects import AUDIT, MCP_REQUESTS, ORDERS, TABLE, TASKS

INBOX: Final = "_INBOX"
"""First token of every inbox; the second is the role, so that no role receives the answers of another."""

OPERATOR: Final = "operator"
"""The role of people: the last token of their commands is their name."""

OBSERVER: Final = "observer"
"""The role that reads everything."""

BENCHMARK: Final = "benchmark"
"""The role that runs benchmarks; credentials of one run make and delete the stream of that run and no other."""

VALIDATOR: Final = "validator"
"""The role that reads the stream of the one run that its credentials name."""

READERS: Final = "READERS"
"""The account of roles that only read: an answer there cannot be steered into `SIM`."""

EVERY_GROUP: Final = ">"
"""Any queue group, after a pattern in a list. `*` would be one token, and names of groups may have dots."""

NO_GROUPS: Final = (f"> {EVERY_GROUP}",)
"""Denial of every subscription in a queue group and no other: a member of a group takes messages from the others,
also from those in other accounts that import the same subject."""

_SINGLE_ORDERS: Final = tuple(subjects.ENTER_ORDER)
"""Commands of single agents."""
_REJECTIONS: Final = (subjects.ADMISSION_REJECTED,)
"""Events that every service publishes about senders of forbidden messages, itself included."""
_REJECTIONS_AND_SUSPENSIONS: Final = (*_REJECTIONS, subjects.AGENT_SUSPENDED)
"""The same events of services that agents reach: these also ask for the suspension of an agent that floods."""
_RUN_EVENTS: Final = (subjects.RUN_OPENED, subjects.RUN_CLOSED, subjects.RUN_STOPPED, subjects.RUN_RESUMED)
"""Events by which services learn of runs to serve."""


_COUNTERS: Final = "quota.*.*.*.*"
"""The counters of quotas: each message is an increment."""

_DEAD_LETTERS: Final = "dead_letter.>"
"""The stream of dead letters."""

_JETSTREAM_INFO: Final = "$JS.API.INFO"
"""The request whether JetStream is up at all."""


MONITOR_REQUESTS: Final = ("$SYS.REQ.SERVER.PING.JSZ", "$SYS.REQ.SERVER.PING.VARZ")
"""Requests that account `SIM` imports from the system account: each server answers with its figures. One role may ask."""

_LEASES: Final = ("leases",)
"""Bucket of leases, for every service whose workers elect leaders."""

_TEXTS: Final = ("KV_llm_texts",)
"""Stream of the long texts of calls, for those who read the log's outcomes."""

_FILES: Final = ("KV_workspace_files", "KV_workspace_chunks")
"""Streams of the records and the content of files."""

SYSTEM: Final = {
    "pub": {
        "allow": [
            "$SYS.REQ.ACCOUNT.PING.STATZ",
            "$SYS.REQ.CLAIMS.DELETE",
            "$SYS.REQ.CLAIMS.UPDATE",
            "$SYS.REQ.SERVER.PING.JSZ",
        ]
    },
    "sub": {
        "allow": [f"{INBOX}.>", "$SYS.ACCOUNT.*.CONNECT", "$SYS.ACCOUNT.*.DISCONNECT"],
        "deny": [*NO_GROUPS],
    },
}
"""Permissions of the user of the system account: push accounts to the server, learn who connects and disconnects."""

ROLES: Final[Mapping[str, Access]] = {
    "market": Access(
        publish=(
            subjects.SUBMIT,
            subjects.GET_BALANCE,
            subjects.GET_BOOK,
            *_SINGLE_ORDERS,
            *_REJECTIONS_AND_SUSPENSIONS,
        ),
        subscribe=_RUN_EVENTS,
        consume_all=(AUDIT,),
        get=(ORDERS, "KV_leases", "KV_quotas", "KV_market_snapshots"),
        get_last=(AUDIT, "KV_market_prices"),
        batch_get=("KV_market_snapshots",),
        consume_queue=(ORDERS,),
        put=("market_prices", "market_snapshots", *_LEASES),
        publish_to=(_COUNTERS, _DEAD_LETTERS),
    ),
    "ledger": Access(
        publish=_REJECTIONS_AND_SUSPENSIONS,
        subscribe=_RUN_EVENTS,
        consume_kv=("KV_agent_state",),
        get=(AUDIT, "KV_leases", "KV_quotas", "KV_ledger_snapshots"),
        get_last=(AUDIT,),
        batch_get=("KV_ledger_snapshots",),
        put=("agent_state", "ledger_snapshots", *_LEASES),
        publish_to=(_COUNTERS,),
    ),
    "cognition": Access(
        publish=(subjects.SUBMIT, *_REJECTIONS_AND_SUSPENSIONS),
        subscribe=_RUN_EVENTS,
        consume_all=(AUDIT,),
        get=(AUDIT, "KV_leases", "KV_quotas"),
        get_last=(AUDIT,),
        batch_get=_TEXTS,
        put=("llm_texts", *_LEASES),
        publish_to=(_COUNTERS,),
    ),
    "clock": Access(
        publish=(
            subjects.SUBMIT,
            subjects.CLOSE_TICK,
            subjects.COMMANDED,
            *_REJECTIONS,
        ),
        subscribe=_RUN_EVENTS,
        consume_all=(AUDIT,),
        get=(AUDIT, "KV_leases"),
        get_last=(AUDIT,),
        put=_LEASES,
    ),
    "agent": Access(
        publish=(subjects.PLACE_ORDERS, subjects.INVOKE_LLMS, *HOST_REQUESTS, *_REJECTIONS),
        subscribe=(*_RUN_EVENTS, subjects.TOOL_REPLIED),
        consume_all=(AUDIT,),
        get=("KV_leases", "KV_agent_snapshots"),
        get_last=(AUDIT,),
        # The memory of agents is in the texts of their calls.
        batch_get=(*_TEXTS, "KV_agent_snapshots"),
        put=("agent_snapshots", *_LEASES),
    ),
    "executor": Access(
        publish=(*subjects.EXECUTED_EVENTS, *_REJECTIONS),
        subscribe=_RUN_EVENTS,
        get=(AUDIT, "KV_agent_state", "KV_leases"),
        get_last=(AUDIT,),
        put=("agent_state", "market_prices", *_LEASES),
    ),
    "admission": Access(
        publish=(*_SINGLE_ORDERS, subjects.CALL_TOOL, subjects.DELEGATE_TASK, subjects.CYCLE_COMPLETED),
        subscribe=(*_RUN_EVENTS, subjects.TICKED),
        get=(AUDIT, ORDERS, TASKS, "KV_quotas"),
        get_last=(AUDIT,),
        publish_to=(_COUNTERS,),
    ),
    "admin": Access(
        publish=(
            *_SINGLE_ORDERS,
            subjects.PLACE_ORDERS,
            subjects.CLOSE_TICK,
            subjects.CALL_TOOL,
            subjects.DELEGATE_TASK,
            *_REJECTIONS,
        ),
        subscribe=_RUN_EVENTS,
        get=(AUDIT, ORDERS, MCP_REQUESTS, TASKS, "dead_letter", "advisories", "KV_leases", "KV_quotas"),
        get_last=(AUDIT,),
        batch_get=("dead_letter", "advisories"),
        delete=("dead_letter", "advisories", ORDERS, MCP_REQUESTS, TASKS),
        put=("quotas", *_LEASES),
        publish_to=(_DEAD_LETTERS,),
        declare=tuple(stream.name for stream in STREAMS if stream.storage == "memory"),
    ),
    "workspace": Access(
        publish=_REJECTIONS_AND_SUSPENSIONS,
        subscribe=(*_RUN_EVENTS, subjects.TICKED),
        get=(AUDIT, *_FILES, "KV_leases", "KV_quotas"),
        get_last=(AUDIT,),
        batch_get=_FILES,
        # The collector deletes what no file needs.
        delete=_FILES,
        put=("workspace_files", "workspace_chunks", *_LEASES),
        publish_to=(_COUNTERS,),
    ),
    "mcp": Access(
        publish=(subjects.SUBMIT, *_REJECTIONS_AND_SUSPENSIONS),
        subscribe=(*_RUN_EVENTS, subjects.TICKED),
        pull=(MCP_REQUESTS,),
        get=(AUDIT, "KV_quotas", "KV_mcp_outcomes", "KV_mcp_servers"),
        get_last=(AUDIT,),
        batch_get=("KV_mcp_outcomes", "KV_mcp_cache", "KV_mcp_servers"),
        put=("mcp_outcomes", "mcp_cache", "mcp_servers"),
        publish_to=(_COUNTERS, _DEAD_LETTERS),
    ),
    "social": Access(
        publish=(subjects.SUBMIT, subjects.COMMANDED, *_REJECTIONS_AND_SUSPENSIONS),
        subscribe=_RUN_EVENTS,
        consume_all=(AUDIT,),
        get=(AUDIT, TASKS, "KV_leases", "KV_quotas"),
        get_last=(AUDIT,),
        consume_queue=(TASKS,),
        delete=(TASKS,),
        put=_LEASES,
        publish_to=(_COUNTERS, _DEAD_LETTERS),
    ),
    "trace": Access(
        publish=(*SPANS, *_REJECTIONS),
        subscribe=_RUN_EVENTS,
        consume_all=(AUDIT,),
        get=(AUDIT, "KV_leases"),
        get_last=(AUDIT,),
        put=_LEASES,
    ),
    "metrics": Access(
        publish=_REJECTIONS,
        subscribe=_RUN_EVENTS,
        consume_all=(AUDIT,),
        get=(AUDIT, "KV_leases"),
        get_last=(AUDIT,),
        batch_get=("KV_agent_state",),
        put=_LEASES,
        publish_to=MONITOR_REQUESTS,
    ),
    OPERATOR: Access(
        publish=(*(row for row in TABLE if row.kind is SubjectKind.OPERATOR), subjects.PING),
        subscribe=(subjects.AGENT_SUSPENDED,),
    ),
    "setup": Access(
        declare=tuple(stream.name for stream in STREAMS),
        # The last copied message, when a source of the stream changes.
        get=tuple(stream.name for stream in STREAMS if stream.sources),
        publish_to=(_JETSTREAM_INFO,),
    ),
    BENCHMARK: Access(
        # The place in the log from which a run's stream copies; which runs have ended, and which are served.
        get=(AUDIT, "KV_leases", CELLS.name, BATCHES.name),
        batch_get=(BATCHES.name,),
        pull=(CELLS.name,),
        put=("bench",),
        publish_to=(*CELLS.subjects, "$JS.API.STREAM.NAMES"),
        benchmark=("STREAM.INFO", "STREAM.CREATE", "STREAM.DELETE"),
    ),
    VALIDATOR: Access(account=READERS, benchmark=("DIRECT.GET",)),
    OBSERVER: Access(
        account=READERS,
        batch_get=(AUDIT, "dead_letter", "KV_agent_state", "KV_market_prices", "KV_quotas", *_TEXTS),
    ),
    "auditor": Access(account=READERS, batch_get=(AUDIT, *_TEXTS)),
}
"""Every role: services first, then people. `setup` declares streams, `observer` reads everything and changes
nothing, `auditor` reads the log and its long texts alone, `validator` one run's stream; `benchmark` makes such streams."""


def permissions(role: str) -> dict[str, dict[str, list[str]]]:
    """Return the publish and subscribe lists of a role, as a user JWT holds them.

    Raises NotFound for a role that does not exist.
    """
    if role not in ROLES:
        message = f"there is no role {role!r}; the roles are {', '.join(ROLES)}"
        raise NotFound(message)
    access = ROLES[role]
    owned = [row for row in TABLE if row.owner == role]
    published = [row for row in owned if row.kind in PUBLISHED and row not in subjects.COPIED_EVENTS]
    allowed = [_published_pattern(row) for row in (*published, *access.publish)]
    if role in OWNERS:
        allowed += [row.pattern(service=role) for row in (*SPANS, subjects.FIGURES_REPORTED)]
    answered = any(row.kind in ANSWERED for row in owned)
    # Workers share requests in the queue group of their role; each of them receives every event.
    sharing = [row.pattern() for row in owned if row.kind in SHARED]
    shared = [f"{pattern} {role}" for pattern in sharing]
    heard = [row.pattern() for row in owned if row.kind is SubjectKind.TELEMETRY]
    subscribed = [*(row.pattern() for row in access.subscribe), *heard, f"{INBOX}.{role}.>"]
    if answered:
        # The answer goes to an inbox nobody can guess; that of an agent goes through its account.
        # Responses by permission instead (`resp`) would make the server search a growing table.
        allowed += [f"{INBOX}.>", "_R_.>"]
    return {
        "pub": {"allow": sorted({*allowed, *stream_subjects(access)})},
        "sub": {
            "allow": sorted({*sharing, *shared, *subscribed}),
            "deny": sorted(f"{pattern} {EVERY_GROUP}" for pattern in subscribed),
        },
    }


READER_REQUESTS: Final = ("$JS.API.DIRECT.GET.*",)
"""Requests account `READERS` imports from `SIM`, answered with stored messages. The lists of its roles say of which streams:
those of benchmarks are made after the account."""


def _published_pattern(row: Subject) -> str:
    """Return the pattern a role may publish for a row; operators publish in their own name only."""
    if row.kind is not SubjectKind.OPERATOR:
        return row.pattern()
    return PLACE.sub(lambda place: NAME if place[1] == "operator" else "*", row.template)
