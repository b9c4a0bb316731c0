"""The fifteen invariants hold for the ledger; `test_ledger_mutants.py` proves that each check can fail."""

import pytest
from ledger_conformance import INVARIANTS, Books, examine


@pytest.mark.parametrize("check", INVARIANTS, ids=lambda check: check.__name__)
async def test_holds(check):
    await examine(check, Books)


def test_there_are_fifteen():
    assert len(set(INVARIANTS)) == 15
