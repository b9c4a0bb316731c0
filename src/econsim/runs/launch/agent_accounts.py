"""Accounts of a run's external agents: made when the run opens, revoked when an agent floods.

This needs the trust root, which the user who started the server has. On another server its operator makes and revokes
accounts (`econsim agent create`, `revoke`).
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
    """Return the external agents without an account: all of them if the trust root is elsewhere, else none."""
    return [] if server.trust else _external_agents(scenario)


def _external_agents(scenario: Scenario) -> list[str]:
    return [agent.id for agent in population(scenario) if agent.host is None]


async def ensure_accounts(server: Server, run: str, scenario: Scenario) -> list[AgentCreds]:
    """Make the missing accounts of a run's external agents, push all of them to the server, and return them. Idempotent.

    Does nothing on a server whose trust root is elsewhere. A revoked agent gets no new account.
    """
    external, trust = _external_agents(scenario), server.trust
    if trust is None or not external:
        return []
    out = suspended_agents(trust, run)
    existing = {each.agent: each for each in each_account(trust, run) if not each.expired(trust.now())}
    found = [existing.get(agent) or mint(trust, run, agent) for agent in external if agent not in out]
    async with account_provisioner(server.url, trust) as provisioner:
        await provisioner.push(each.jwt() for each in found)
    return found


async def revoke(
    trust: Trust, provisioner: AccountProvisioner, run: str, agent: str
) -> list[OutstandingRevocation]:
    """Revoke an agent's account: its connections end at once, its files are deleted; return revocations still pending.

    Raises NotFound without such an account. After Unavailable or SetupError the revocation is pending, and the next call
    of `push_outstanding` sends it.
    """
    revoke_later(trust, find_account(trust, run, agent))
    return await push_outstanding(trust, provisioner)


def revoke_later(trust: Trust, found: AgentCreds) -> None:
    """Delete an account's files, and store its revocation as pending: the servers may know the account from before."""
    record_revocation(trust, found)
    suspend_account(found)


async def push_accounts(server: Server) -> None:
    """Push to a server that has just started every account made or revoked while no server ran."""
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
