"""Accounts for a run's external agents: made when it opens, taken away when one floods.

Only where the trust root is: whoever started the server can let agents in and throw them out. On a server of
others their operator does (`econsim agent create`).
"""

from __future__ import annotations

from econsim.adapters.nats.account_push import AccountProvisioner, account_provisioner
from econsim.adapters.nats.revocations import (
    OutstandingRevocation,
    outstanding,
    push_outstanding,
    record_revocation,
)
from econsim.app import Server
from econsim.domain.agent.population import population
from econsim.identity.agent_credentials import (
    AgentCreds,
    delete_account,
    each_account,
    find_account,
    mint,
    suspend_account,
    suspended_agents,
)
from econsim.identity.trust_root import Trust
from econsim.schemas.scenario import Scenario


def agents_without_account(server: Server, scenario: Scenario) -> list[str]:
    """Return the external agents whom nobody here can let in: the trust root is elsewhere."""
    return [] if server.trust else _external_agents(scenario)


def _external_agents(scenario: Scenario) -> list[str]:
    return [agent.id for agent in population(scenario) if agent.host is None]


async def ensure_accounts(server: Server, run: str, scenario: Scenario) -> list[AgentCreds]:
    """Make sure that every external agent has an account the server knows; return them.

    Nothing happens on a server whose trust root is elsewhere.
    """
    outside, trust = _external_agents(scenario), server.trust
    if trust is None or not outside:
        return []
    out = suspended_agents(trust, run)
    held = {each.agent: each for each in each_account(trust, run) if not each.expired(trust.now())}
    found = [held.get(agent) or mint(trust, run, agent) for agent in outside if agent not in out]
    async with account_provisioner(server.url, trust) as provisioner:
        await provisioner.push(each.jwt() for each in found)
    return found


async def revoke(
    trust: Trust, provisioner: AccountProvisioner, run: str, agent: str
) -> list[OutstandingRevocation]:
    """Take an agent's account away: its connections end at once and its files go; return what is still owed.

    Raises NotFound; after Unavailable or SetupError it is owed, and told by whoever settles next.
    """
    revoke_later(trust, find_account(trust, run, agent))
    return await push_outstanding(trust, provisioner)


def revoke_later(trust: Trust, found: AgentCreds) -> None:
    """Take an account's files away, and note that the servers must be told: they may know it from before."""
    record_revocation(trust, found)
    suspend_account(found)


async def push_accounts(server: Server) -> None:
    """Tell a server that was just started of every account made or taken away while none ran."""
    trust = server.trust
    if trust is None:
        return
    known = list(each_account(trust))
    for each in known:
        if each.expired(trust.now()):
            delete_account(each)
    live = [each.jwt() for each in known if not each.expired(trust.now())]
    if live or outstanding(trust):
        async with account_provisioner(server.url, trust) as provisioner:
            await push_outstanding(trust, provisioner)
            await provisioner.push(live)
