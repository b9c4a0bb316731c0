"""Verdicts, the catalogue of attacks and the runner's treatment of attacks that fail by themselves."""

import asyncio
from pathlib import Path

import pytest

from econsim.checks.attacks import runner
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.catalogue import ATTACKS, FAMILIES, page, select_attacks
from econsim.checks.attacks.runner import AttackReport, AttackResult, attack_scenario, try_attack, try_attacks
from econsim.checks.attacks.verdict import (
    AttackOutcome,
    AttackVerdict,
    Check,
    raw_subject,
    skipped_verdict,
    verdict_of,
)
from econsim.errors import NotFound

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "adversary.md"

TRUE, FALSE = Check("so", holds=True), Check("not so", holds=False)


def attack(run, name="x"):
    return Attack(name, "to try", "it cannot", run)


def verdict(outcome):
    async def run(_env, _attacker):
        return AttackVerdict(outcome, "")

    return run


def test_false_checks_are_named_first():
    assert verdict_of(TRUE, FALSE).evidence == "NOT: not so; so"


def test_a_skipped_attack_tells_its_reason_and_is_no_success():
    skipped = skipped_verdict("no files")

    assert (skipped.outcome, skipped.evidence) == (AttackOutcome.SKIPPED, "no files")


def test_a_subject_may_have_any_tokens():
    assert raw_subject("$KV", "a.b", "*", "") == "$KV.a.b.*."


def test_attacks_are_selected_by_name_in_the_order_given():
    names = [ATTACKS[3].name, ATTACKS[0].name]

    assert [each.name for each in select_attacks(names)] == names
    assert select_attacks([]) == ATTACKS


def test_an_unknown_attack_is_named():
    with pytest.raises(NotFound, match="no attack 'rob_the_bank'"):
        select_attacks([ATTACKS[0].name, "rob_the_bank"])


def test_each_attack_has_a_name_of_its_own_a_goal_and_a_reason():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 60
    assert all(attack.tries.startswith("to ") and attack.fails_because for attack in ATTACKS)


def test_the_published_page_is_current():
    """Write it anew with `make catalog`."""
    assert PAGE.read_text() == page()


def test_an_attack_without_a_check_is_broken():
    assert verdict_of().outcome is AttackOutcome.BROKEN
    assert verdict_of(TRUE, FALSE).outcome is AttackOutcome.BROKEN
    assert verdict_of(TRUE).outcome is AttackOutcome.HELD


def test_the_page_has_a_row_for_each_attack():
    rows = [line for line in page().splitlines() if line.startswith("| `")]

    assert len(rows) == len(ATTACKS) == sum(map(len, FAMILIES.values()))


async def test_an_attack_that_raises_counts_as_broken():
    async def run(_env, _attacker):
        raise ValueError

    found = await try_attack(None, attack(run), None)

    assert found == AttackVerdict(AttackOutcome.BROKEN, "NOT: it could be judged: ValueError: ")


async def test_an_attack_that_does_not_end_counts_as_broken(monkeypatch):
    monkeypatch.setattr(runner, "ATTACK_S", 0.01)

    async def run(_env, _attacker):
        await asyncio.Event().wait()

    assert (await try_attack(None, attack(run), None)).outcome is AttackOutcome.BROKEN


async def test_no_more_attacks_run_at_once_than_allowed():
    running, most = 0, 0

    async def run(_env, _attacker):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return verdict_of(TRUE)

    results = await try_attacks(None, [(attack(run, f"a{n}"), None) for n in range(7)], at_once=3)

    assert most == 3
    assert [result.attack.name for result in results] == [f"a{n}" for n in range(7)]


@pytest.mark.parametrize(
    ("outcomes", "invariant", "held"),
    [
        ([AttackOutcome.HELD, AttackOutcome.SKIPPED], TRUE, True),
        ([AttackOutcome.HELD, AttackOutcome.BROKEN], TRUE, False),
        ([AttackOutcome.HELD], FALSE, False),
    ],
)
def test_a_report_holds_only_without_a_broken_attack_and_a_false_invariant(outcomes, invariant, held):
    results = [AttackResult(attack(verdict(each)), AttackVerdict(each, "")) for each in outcomes]

    assert AttackReport(results, [invariant]).held is held


def test_the_scenario_has_an_external_agent_for_each_attacker():
    groups = {group.name: group for group in attack_scenario(17).agents}

    assert groups["mallory"].count == 17
    assert {groups[name].policy.value for name in ("anna", "bert", "carl", "mallory")} == {"external"}
