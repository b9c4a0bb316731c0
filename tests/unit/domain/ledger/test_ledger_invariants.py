"""The invariants hold for the ledger; `test_ledger_mutants.py` proves that each check can fail."""

import pytest
from ledger_conformance import INVARIANTS, Books, examine


@pytest.mark.parametrize("check", INVARIANTS, ids=lambda check: check.__name__)
async def test_holds(check):
    await examine(check, Books)
