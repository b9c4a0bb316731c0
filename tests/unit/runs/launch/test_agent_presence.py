"""Presence of agents in the log: each change is recorded once, and nothing that is not known."""

from pathlib import Path

from requirements import requirement

from econsim.adapters.nats.account_counts import SILENT_S, AccountCount, AccountCounts
from econsim.identity.agent_credentials import AgentCreds
from econsim.runs.launch.agent_presence import AgentPresence

ANNA = AgentCreds("demo", "anna", "AANNA", 0, Path("anna.creds"))


class Log:
    """What was told, and whether anybody takes it."""

    def __init__(self):
        self.told, self.takes = [], True

    async def __call__(self, change):
        if self.takes:
            self.told.append((change.run, change.agent, change.connected))
        return self.takes


async def looked(*connected, log=None, takes=()):
    """Return what the log was told after looks that found these accounts connected."""
    log, known = log or Log(), {ANNA.account: ANNA}
    presence = AgentPresence(lambda: known, log)
    for number, accounts in enumerate(connected):
        log.takes = takes[number] if takes else True
        await presence.record_changes(set(accounts))
    return log.told


@requirement("pubsub.heartbeats")
async def test_each_change_is_recorded_once():
    assert await looked([], ["AANNA"], ["AANNA"], [], []) == [("demo", "anna", True), ("demo", "anna", False)]


async def test_the_disconnection_of_an_agent_that_never_connected_is_not_recorded():
    assert await looked([], ["ASIM"], []) == []


async def test_a_change_that_no_service_took_is_recorded_next_time():
    assert await looked(["AANNA"], ["AANNA"], [], [], takes=[False, True, False, True]) == [
        ("demo", "anna", True),
        ("demo", "anna", False),
    ]


def counted(received=0, connections=1):
    return {"AANNA": AccountCount(received, connections)}


def test_an_account_is_connected_while_any_server_of_a_cluster_has_a_connection_of_it():
    counts = AccountCounts()
    counts.take({"n1": counted(connections=1), "n2": counted(connections=0)}, 0)
    assert counts.connected_accounts() == {"AANNA"}

    counts.take({"n1": {}, "n2": {}}, 1)
    assert counts.connected_accounts() == set()


def test_a_server_that_does_not_answer_in_time_has_not_lost_its_clients():
    counts = AccountCounts()
    counts.take({"n1": counted(), "n2": {}}, 0)

    counts.take({"n2": {}}, 1)
    assert counts.connected_accounts() == {"AANNA"}

    counts.take({"n2": {}}, SILENT_S)
    assert counts.connected_accounts() == set()


def test_a_server_that_answers_again_makes_nobody_a_flood():
    counts = AccountCounts()
    counts.take({"n1": counted(100), "n2": counted(1_000_000)}, 0)

    assert counts.take({"n1": counted(200)}, 1) == {"AANNA": 100}
    assert counts.take({"n1": counted(300), "n2": counted(1_000_600)}, 2) == {"AANNA": 100 + 300}
