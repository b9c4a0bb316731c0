"""The ledger as a Beancount file, read by Beancount itself. Catches: amounts lost, rounded or counted twice, names that it refuses."""

from __future__ import annotations

import io
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from beancount.core import data
from beancount.loader import load_string
from economies import indebted
from factories import group, role, scenario
from run_builders import records, small_run, summed, thinking_run

from econsim.domain.audit.facts import facts
from econsim.report.beancount import BeancountJournal, account_name, beancount_file, commodity
from econsim.schemas.ledger import format_amount
from econsim.schemas.types import AMOUNT_MAX, MICROS_PER_CREDIT
from econsim.subjects import TRANSFER_POSTED

BEAN_CHECK = Path(sys.executable).with_name("bean-check")


def journal_text(log):
    """Return the Beancount file of a log."""
    out = io.StringIO()
    journal = BeancountJournal(out)
    for entry in log:
        journal.add(entry)
    journal.close()
    return out.getvalue()


def loaded(text):
    """Return the entries of a Beancount file, which has no errors, by their type."""
    entries, errors, _ = load_string(text)
    assert not errors
    found = defaultdict(list)
    for entry in entries:
        found[type(entry)].append(entry)
    return found


def bean_check(path):
    """Return the exit code of Beancount's own checker."""
    return subprocess.run([BEAN_CHECK, path], capture_output=True, check=False, timeout=60).returncode


def test_bean_check_accepts_a_run_and_refuses_it_once_an_amount_was_changed(tmp_path):
    path = tmp_path / "run.beancount"
    with beancount_file(path) as journal:
        for entry in thinking_run():
            journal.add(entry)
    assert bean_check(path) == 0

    path.write_text(path.read_text().replace("  -100 CREDITS", "  -100.000001 CREDITS", 1))

    assert bean_check(path) == 1


def test_each_transfer_that_moves_something_is_a_transaction_of_its_event():
    found = loaded(journal_text(small_run("zi_c")))[data.Transaction]

    moved = [
        (chain.event_id, chain.tick, transfer["id"])
        for entry in small_run("zi_c")
        if entry.type == TRANSFER_POSTED.type
        for chain in facts(entry)
        for transfer in chain.data["transfers"]
        if transfer["kind"] in {"transfer", "post"}
    ]
    assert [(each.meta["event_id"], each.meta["tick"], each.meta["transfer"]) for each in found] == moved


def test_the_final_balances_are_those_of_the_run_to_the_micro_credit():
    log = small_run("zi_c")

    stated = {
        each.account: each.amount.number
        for each in loaded(journal_text(log))[data.Balance]
        if each.amount.currency == "CREDITS"
    }

    assert {each.agent: stated[account_name(each.agent, each.group)] for each in summed(log).holders} == {
        each.agent: Decimal(each.credits) / MICROS_PER_CREDIT for each in summed(log).holders
    }
    assert sum(stated.values()) == 0


@pytest.mark.parametrize(
    "wanted",
    [
        indebted(),
        scenario(group("1-a_b", roles=[role("ask", "null", values=[[1]])]), resources=("null",)),
    ],
    ids=["debts", "odd names"],
)
def test_beancount_reads_a_run_with(wanted):
    assert loaded(journal_text(records(wanted)))[data.Transaction]


def test_no_two_holders_have_one_account_and_no_two_assets_one_commodity():
    names = [
        "a_b",
        "a-b",
        "ax-b",
        "a__b",
        "a--b",
        "a-_b",
        "a_-b",
        "a",
        "1",
        "x-1",
        "true",
        "true-",
        "true_",
        "null",
    ]

    assert len({account_name(name, "g") for name in names}) == len(names)
    assert len({commodity(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", ["a", "1", "true", "null", "z9_-", "a" * 48, "9" * 48, "x-1_"])
def test_every_name_is_one_for_beancount(name):
    account, unit = account_name(name, name), commodity(name)

    text = f"""
2026-01-01 open {account} {unit}
2026-01-01 open Equity:Treasury
2026-01-01 * "dealt" ^x.y_z-1
  {account}  1.000001 {unit}
  Equity:Treasury"""

    assert loaded(text)[data.Open][0].account == account


def test_a_journal_goes_on_at_its_latest_day_when_clocks_differ_at_midnight():
    opened, *later = small_run("zi_c")
    posted = [entry for entry in later if entry.type == TRANSFER_POSTED.type]
    days = ["2026-01-01", "2026-01-02", "2026-01-01"]

    told = [replace(entry, occurred_at=f"{day}T00:00:00Z") for entry, day in zip(posted, days, strict=False)]

    found = loaded(journal_text([opened, *told]))
    assert {str(each.date) for each in found[data.Balance]} == {"2026-01-03"}
    assert len(found[data.Transaction]) > 0


@pytest.mark.parametrize("asset", ["credits", "wheat"])
def test_the_largest_amount_has_all_its_digits_on_both_sides(asset):
    number, unit = format_amount(AMOUNT_MAX, asset), commodity(asset)

    text = f"""
2026-01-01 open Assets:Ann
2026-01-01 open Equity:Treasury
2026-01-01 * "dealt"
  Equity:Treasury  -{number} {unit}
  Assets:Ann  {number} {unit}"""

    (dealt,) = loaded(text)[data.Transaction]
    assert [str(posting.units.number) for posting in dealt.postings] == [f"-{number}", number]


def test_a_log_without_transfers_is_a_file_without_transactions():
    assert not loaded(journal_text([]))[data.Transaction]
