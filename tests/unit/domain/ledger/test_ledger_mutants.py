"""Each invariant's check fails on the ledger that breaks it, and every other check lets that ledger pass."""

import pytest
from ledger_conformance import INVARIANTS, examine
from ledger_mutants import CONSEQUENCES, MUTANTS


async def fails(check, books):
    try:
        await examine(check, books)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda check: check.__name__)
async def test_kills_its_mutant(invariant):
    assert await fails(invariant, MUTANTS[invariant])


@pytest.mark.slow
@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda check: check.__name__)
async def test_mutant_breaks_nothing_else(invariant):
    broken = {check for check in INVARIANTS if await fails(check, MUTANTS[invariant])}

    assert broken == {invariant} | CONSEQUENCES.get(invariant, set())
