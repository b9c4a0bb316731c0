"""A revocation is owed until every node there is has answered; what is owed outlives whoever owes it."""

import pytest

from econsim.adapters.clock import unix_seconds
from econsim.adapters.nats.account_push import PushResult
from econsim.adapters.nats.revocations import outstanding, push_outstanding, record_revocation
from econsim.identity.agent_credentials import mint
from econsim.identity.trust_root import Trust


class Nodes:
    """A bus of three nodes, of which some are down."""

    def __init__(self):
        self.down = frozenset()
        self.told = []

    async def delete(self, accounts):
        self.told.append(list(accounts))
        return PushResult(frozenset({"n1", "n2", "n3"}) - self.down, self.down)


@pytest.fixture
def trust(tmp_path):
    return Trust.open(tmp_path, unix_seconds)


async def test_it_is_owed_until_all_nodes_have_answered_the_same_deletion(trust):
    anna, bus = mint(trust, "demo", "anna"), Nodes()
    record_revocation(trust, anna)

    bus.down = frozenset({"n3"})
    left = [await push_outstanding(trust, bus), outstanding(Trust.open(trust.directory.parent, unix_seconds))]
    bus.down = frozenset()

    assert [[each.progress() for each in one] for one in left] == [["2 of 3 nodes refuse it, n3 not yet"]] * 2
    assert await push_outstanding(trust, bus) == []
    assert await push_outstanding(trust, bus) == outstanding(trust) == []
    assert bus.told == [[anna.account]] * 2


async def test_what_comes_while_nodes_are_told_stays_owed(trust):
    anna, bert = mint(trust, "demo", "anna"), mint(trust, "demo", "bert")

    class Meanwhile(Nodes):
        async def delete(self, accounts):
            record_revocation(trust, bert)
            return await super().delete(accounts)

    record_revocation(trust, anna)
    left = await push_outstanding(trust, Meanwhile())

    assert [each.agent for each in left] == [each.agent for each in outstanding(trust)] == ["bert"]


def test_an_account_that_has_ended_by_itself_is_owed_to_nobody(trust):
    record_revocation(trust, mint(trust, "demo", "anna", life_s=0))

    assert outstanding(trust) == []


def test_what_an_earlier_econsim_owed_is_owed(trust):
    (trust.directory / "agents").mkdir()
    (trust.directory / "agents" / "revoked").write_text("AAA\nBBB")

    record_revocation(trust, mint(trust, "demo", "anna"))

    assert [each.account for each in outstanding(trust)][:2] == ["AAA", "BBB"]
    assert [each.agent for each in outstanding(trust)] == ["", "", "anna"]
