"""Everybody may do exactly what is meant: every subject, stream and API call tried as every user of a real server.

Seen to fail: a right that reaches further than it seems is found, further down. Not seen is where answers go: the
server checks no reply subject.
"""

import asyncio
from pathlib import Path

import pytest
from requirements import requirement
from typer.testing import CliRunner

from econsim.adapters.nats.account_push import account_provisioner
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.checks.permissions.expected import PermissionMatrix, expected_matrix
from econsim.checks.permissions.measure import measure, probe_server
from econsim.checks.permissions.page import differences, page
from econsim.checks.permissions.probes import EXTERNAL, RUN, probes
from econsim.cli import app
from econsim.identity import trust_root
from econsim.identity.agent_credentials import agent_claims
from econsim.identity.nats_jwt import Key, NkeyKind, account_jwt, creds, user_jwt
from econsim.identity.roles import permissions

pytestmark = pytest.mark.nats

PAGE = Path(__file__).parents[2] / "docs/reference/permissions.md"
ROWS = probes()
MEANT = expected_matrix(ROWS)


@pytest.fixture(scope="module")
def found():
    """Return what a server lets everybody do; nobody else uses it."""
    return asyncio.run(measure(ROWS))


async def without_lists(server):
    """Return the creds file of an agent's user without lists of its own, in an account as agents have."""
    account, user = Key(NkeyKind.ACCOUNT), Key(NkeyKind.USER)
    claims = agent_claims(server.trust, RUN, EXTERNAL)
    async with account_provisioner(server.url, server.trust) as provisioner:
        await provisioner.push(
            [account_jwt(server.trust.operator, account.public, EXTERNAL, claims, issued=server.trust.now())]
        )
    path = server.state / "without-lists.creds"
    trust_root.write(
        path, creds(user_jwt(account, user.public, EXTERNAL, issued=server.trust.now()), user.seed)
    )
    return path


@requirement("subjects.admission", "isolation.no_jetstream", "isolation.no_system_admin")
def test_everybody_may_do_exactly_what_is_meant(found) -> None:
    lines = differences(ROWS, MEANT, found)

    assert not lines, f"{len(lines)} cells differ, expected ≠ actual:\n" + "\n".join(lines)


def test_the_published_page_is_current(found) -> None:
    """Write it anew with `make catalog`."""
    assert PAGE.read_text(encoding="utf-8") == page(ROWS, MEANT, found)


async def test_an_agents_account_holds_without_its_users_lists() -> None:
    async with EmbeddedServer(Path(), ephemeral=True) as server:
        files = {EXTERNAL: await without_lists(server)}
        found = await probe_server(server.url, server.trust, files, ROWS)

    assert found == PermissionMatrix({}, MEANT.publishes, MEANT.receives)


async def test_a_right_that_reaches_further_than_it_seems_is_found(monkeypatch) -> None:
    """A pattern that ends in one token lets its holder subscribe to all longer subjects: `>` counts as a token."""

    def wider(role):
        lists = permissions(role)
        lists["sub"]["allow"] += ["market.*.trade_executed.*"] if role == "setup" else []
        lists["pub"]["allow"] += ["$JS.API.STREAM.DELETE.*"] if role == "operator" else []
        return lists

    monkeypatch.setattr(trust_root, "permissions", wider)
    lines = set(differences(ROWS, MEANT, await measure(ROWS)))

    assert lines >= {
        "market: market.{resource}.trade_executed.{run}: setup: ·≠S",
        "market: market.{resource}.trade_executed.{run}.{agent}: setup: ·≠S",
        "audit_log: $JS.API.STREAM.DELETE.audit_log: operator: ·≠P",
    }


def test_the_command_writes_the_page(found, monkeypatch) -> None:
    """It measures as the tests above do; a second measurement of the same permissions takes 14 s and tells nothing."""

    async def measured(_rows):
        return found

    monkeypatch.setattr("econsim.checks.permissions.measure.measure", measured)
    done = CliRunner().invoke(app, ["catalog", "--permissions"])

    assert done.exit_code == 0
    assert done.stdout == page(ROWS, MEANT, found)
