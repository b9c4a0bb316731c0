"""The shipped attacks against a whole system under load; and a judge that can be seen to condemn."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from requirements import requirement

from econsim import subjects
from econsim.adapters.nats import rate_gate
from econsim.agents.toolset.tool import AgentTool
from econsim.checks.attacks import assistants, runner
from econsim.checks.attacks.catalogue import select_attacks
from econsim.checks.attacks.verdict import AttackOutcome
from econsim.config import settings
from econsim.domain.market import commands
from econsim.errors import InvalidMessage
from econsim.identity import agent_credentials, trust_root
from econsim.services import reply_check

TOOLS = f"""
[servers.lab]
kind = "stdio"
command = "python"
args = ["{Path(__file__).parents[1] / "faulty_tool_server.py"}", "/dev/null"]
isolation = "limits"
tools = {{ echo = {{ price = 0.25 }} }}
"""
"""Tool server of the attacks on calls of tools."""


async def run_attacks(tmp_path, *names):
    return await runner.run_attacks(settings(state=tmp_path), select_attacks(list(names)), lambda _: None)


@pytest.fixture
def short_waits(monkeypatch):
    """Wait less where the outcome is known before: for victims to trade in peace, and for outcomes that never come."""
    monkeypatch.setattr(runner, "PEACE_S", 1.0)
    monkeypatch.setattr(runner, "COMPARE_S", 2.0)


def broken(report):
    return {result.attack.name for result in report.with_outcome(AttackOutcome.BROKEN)}


@pytest.mark.nats
@pytest.mark.slow
@pytest.mark.timeout(600)
@requirement("isolation.no_foreign_subjects")
async def test_every_attack_is_held_and_nobody_notices(tmp_path, monkeypatch):
    file = tmp_path / "tools.toml"
    file.write_text(TOOLS)
    monkeypatch.setenv("ECONSIM_TOOLS", str(file))

    report = await run_attacks(tmp_path / "state")

    assert {r.attack.name: r.verdict.evidence for r in report.with_outcome(AttackOutcome.BROKEN)} == {}
    assert [str(check) for check in report.invariants if not check.holds] == []
    assert len(report.with_outcome(AttackOutcome.HELD)) >= 60


@pytest.mark.nats
@pytest.mark.usefixtures("short_waits")
async def test_tools_that_drop_unknown_arguments_and_raw_results_are_seen(tmp_path, monkeypatch):
    """Tools do as common servers do: what they do not know is ignored, and text is passed on as it is."""

    async def run_leniently(self, membership, given):
        known = {name: value for name, value in given.items() if name in self.arguments.model_fields}
        try:
            return await self.call(membership, self.arguments.model_validate_json(json.dumps(known)))
        except ValidationError as error:
            raise InvalidMessage(str(error)) from None

    monkeypatch.setattr(AgentTool, "run", run_leniently)
    monkeypatch.setattr(assistants, "text_of", lambda value: json.dumps(value, ensure_ascii=False))

    report = await run_attacks(tmp_path, "assistant_names_another", "assistant_steers_terminal")

    assert broken(report) == {"assistant_names_another", "assistant_steers_terminal"}


@pytest.mark.nats
@pytest.mark.usefixtures("short_waits")
async def test_an_import_too_many_is_seen(tmp_path, monkeypatch):
    """Agents' accounts may reach the ledger's submissions and everybody's deliveries."""
    wide = {subjects.SUBMIT: "service", subjects.ORDER_OUTCOME[0]: "stream"}
    exports, imports = trust_root.exports, agent_credentials.imports

    def exported():
        extra = {row.pattern(): kind for row, kind in wide.items()}
        kept = [each for each in exports() if each["subject"] not in extra]
        return kept + [{"name": each, "subject": each, "type": kind} for each, kind in extra.items()]

    def imported(run, agent, sim):
        extra = [
            {"name": row.template, "subject": row.pattern(run=run), "account": sim, "type": kind}
            for row, kind in wide.items()
        ]
        return imports(run, agent, sim) + extra

    monkeypatch.setattr(trust_root, "exports", exported)
    monkeypatch.setattr(agent_credentials, "imports", imported)
    report = await run_attacks(tmp_path, "mint_money", "hear_deliveries", "hear_everything", "run_close")

    assert {"mint_money", "hear_everything"} <= broken(report)
    assert "run_close" not in broken(report)
    assert not report.held


@pytest.mark.nats
@pytest.mark.usefixtures("short_waits")
async def test_a_service_with_its_checks_off_is_seen(tmp_path, monkeypatch):
    async def unchecked(_self, _message):
        return

    monkeypatch.setattr(rate_gate.RateGate, "passes", lambda *_: True)
    monkeypatch.setattr(reply_check.ReplySubjectCheck, "check", unchecked)
    monkeypatch.setattr(commands, "scoped_order_id", lambda _agent, order_id: order_id)
    report = await run_attacks(tmp_path, "without_reply", "rate_by_services", "cancel_another", "forge_actor")

    assert {"without_reply", "rate_by_services", "cancel_another"} <= broken(report)
    assert "forge_actor" not in broken(report)


@pytest.mark.nats
@pytest.mark.usefixtures("short_waits")
async def test_a_victim_that_is_not_served_is_seen(tmp_path, monkeypatch):
    """The market tells nobody what became of their orders."""
    from econsim.services.market.batch import BatchRunner

    async def silent(_self, *_):
        return

    monkeypatch.setattr(BatchRunner, "deliver_outcomes", silent)
    report = await run_attacks(tmp_path, "edit_expiry")

    assert any("outcomes of its orders" in check.claim for check in report.invariants if not check.holds)
