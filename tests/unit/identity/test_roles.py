"""What is meant keeps the rules of the architecture: they are stated here in words, for the table written by hand."""

import pytest
from requirements import requirement

from econsim import subjects
from econsim.checks.permissions.expected import PermissionMatrix, expected_matrix
from econsim.checks.permissions.page import differences, page
from econsim.checks.permissions.probes import CALLS, PARTIES, probes
from econsim.errors import NotFound
from econsim.identity.access import SIM
from econsim.identity.roles import ROLES, permissions
from econsim.schemas.subject import OWNERS, SubjectKind
from econsim.subjects import TABLE

ROWS = probes()
MEANT = expected_matrix(ROWS)
PEOPLE = ("operator", "observer", "auditor")
# The server says these itself, of what their owner writes into a bucket.
BY_SERVER = ("transfer_posted", "transfer_refused", "file_written", "file_moved", "file_deleted")
# Said by others on their owner's behalf: an external agent's answer, a try at what is not allowed, a command's outcome.
SHARED = {
    "cycle_completed": {"admission"},
    # Its one pattern for reports takes any name; the gateway refuses those of hosts' events.
    "cognitive_cycles_started": {"admission"},
    "cognitive_cycles_completed": {"admission"},
    "rejected": set(OWNERS),
    "suspended": {"market", "ledger", "cognition", "mcp", "workspace", "social"},
    "commanded": {"clock", "social"},
}


def holders(row, right):
    """Return who is meant to have a right to a row of the table of subjects."""
    domain = row.template.partition(".")[0]
    return {party for party in PARTIES if right in MEANT.cells.get((domain, row.template, party), "")}


def rows(*kinds):
    return [row for row in TABLE if row.kind in kinds]


def may_publish(party):
    """Return everything a party is meant to publish."""
    return {name for (_, name, who), rights in MEANT.cells.items() if who == party and "P" in rights}


def test_every_service_has_its_own_role() -> None:
    assert set(OWNERS) < set(ROLES)


@pytest.mark.parametrize(
    "row", rows(SubjectKind.EVENT, SubjectKind.DELIVERY, SubjectKind.BROADCAST), ids=lambda row: row.template
)
def test_its_owner_alone_publishes_an_event(row) -> None:
    action = row.action
    by_server = row.kind is SubjectKind.EVENT and action in BY_SERVER
    # Of runs that it executes whole.
    executed = {"executor"} if row in subjects.EXECUTED_EVENTS else set()

    assert holders(row, "P") == (set() if by_server else {row.owner} | executed | SHARED.get(action, set()))


@pytest.mark.parametrize(
    "row", rows(SubjectKind.DELIVERY, SubjectKind.BROADCAST), ids=lambda row: row.template
)
def test_nobody_in_sim_subscribes_to_the_deliveries_of_an_agent(
    row,
) -> None:
    # Hosts call tools for the agents that they run.
    hosts = {"agent"} if row is subjects.TOOL_REPLIED else set()

    assert holders(row, "S") == hosts


@pytest.mark.parametrize(
    "row", rows(SubjectKind.REQUEST, SubjectKind.OPERATOR, SubjectKind.ENTRY), ids=lambda row: row.template
)
def test_its_owner_alone_subscribes_to_a_request(row) -> None:
    assert holders(row, "S") == {row.owner}


@pytest.mark.parametrize("row", rows(SubjectKind.ENTRY), ids=lambda row: row.template)
def test_an_entry_comes_from_nowhere_but_agents_accounts(row) -> None:
    assert not holders(row, "P")


@pytest.mark.parametrize("row", rows(SubjectKind.COMMAND), ids=lambda row: row.template)
def test_a_command_goes_to_its_queue_alone(row) -> None:
    assert not holders(row, "S")
    assert not holders(row, "P") & {*PEOPLE, "setup", "ledger", "sys", "external"}


@pytest.mark.parametrize("row", rows(SubjectKind.OPERATOR), ids=lambda row: row.template)
@requirement("subjects.reserved", "isolation.no_system_admin")
def test_operators_alone_command_and_in_their_own_name(row) -> None:
    other = row.template.replace("{operator}", "other")

    assert holders(row, "P") == {"operator"}
    assert not any("P" in MEANT.cells.get(("admin", other, party), "") for party in PARTIES)


@pytest.mark.parametrize("party", ["observer", "auditor", "validator"])
@requirement("layers.observers_read_only")
def test_readers_publish_requests_for_stored_messages_alone(party) -> None:
    published = may_publish(party)

    assert published
    assert all(name.startswith("$JS.API.DIRECT.GET.") for name in published)


def test_an_operator_asks_services_and_never_jetstream() -> None:
    assert not [name for name in may_publish("operator") if name.startswith("$")]


def test_the_auditor_reads_the_log_and_its_long_texts_alone() -> None:
    streams = {name.rpartition(".")[2] for name in may_publish("auditor")}

    assert streams == {"audit_log", "KV_llm_texts"}


def test_the_ledger_and_the_executor_alone_write_balances_and_journals() -> None:
    assert [party for party in PARTIES if "$KV.agent_state.>" in may_publish(party)] == [
        "ledger",
        "executor",
    ]


@pytest.mark.parametrize("call", [call for call in CALLS if "STREAM.DELETE" in call or "PURGE" in call])
def test_nobody_deletes_or_empties_a_stream_but_that_of_the_benchmark_run_in_its_credentials(call) -> None:
    names = {call.replace("{stream}", row.group) for row in ROWS}

    found = {(name, party) for _, name, party in MEANT.cells if name in names}
    assert found <= {("$JS.API.STREAM.DELETE.benchmark_{self}", "benchmark")}


@requirement("benchmark.async_validator")
def test_a_validator_reads_pages_of_its_own_run_and_nothing_else() -> None:
    assert may_publish("validator") == {"$JS.API.DIRECT.GET.benchmark_{self}"}


@requirement("subjects.reserved")
def test_every_role_subscribes_to_its_own_inbox_alone() -> None:
    inboxes = {
        (name, party)
        for (group, name, party), rights in MEANT.cells.items()
        if group == "inboxes" and "S" in rights
    }

    in_sim = [role for role in ROLES if ROLES[role].account == SIM]
    assert inboxes == {(f"_INBOX.{role}.>", role) for role in in_sim}


@pytest.mark.parametrize("role", ROLES)
def test_no_list_has_a_bare_wildcard(role) -> None:
    lists = permissions(role)

    assert not {">", "*", "$JS.>", "$SYS.>"} & {*lists["pub"]["allow"], *lists["sub"]["allow"]}


def test_an_unknown_role_has_no_permissions() -> None:
    with pytest.raises(NotFound, match="market, ledger, cognition, clock"):
        permissions("nobody")


def test_a_cell_that_differs_is_named_and_shown() -> None:
    row = next(row for row in ROWS if row.name == "$KV.quotas.>")
    found = PermissionMatrix(
        {**MEANT.cells, ("buckets", row.name, "observer"): "P"}, {**MEANT.publishes, "x": "y"}, MEANT.receives
    )

    lines = differences(ROWS, MEANT, found)

    assert lines == [
        "buckets: $KV.quotas.>: observer: ·≠P",
        "external agent publishes x: expected nothing, actual y",
    ]
    assert "·≠P" in page(ROWS, MEANT, found)
    assert "2 differ" in page(ROWS, MEANT, found)
