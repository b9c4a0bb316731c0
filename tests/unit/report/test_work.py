"""Questions and tasks of groups. Catches: a default counted as an answer, a fee counted for the wrong side, a refused task counted as done."""

from __future__ import annotations

from functools import cache

from run_builders import only, records, small_run, summed
from thinking import studio

from econsim import subjects
from econsim.report.format import work_rows
from econsim.report.html import render
from econsim.report.work import GroupWork


@cache
def studio_run():
    return records(studio())


def work(summary):
    return {each.group: each for each in summary.work}


def test_questions_and_tasks_are_counted_for_both_sides() -> None:
    found = work(summed(studio_run()))

    assert found["producer"] == GroupWork("producer", 6, 6, 6, 6, 1_500_000)
    assert found["researcher"] == GroupWork("researcher", done=6, earned=1_500_000)
    assert "loner" not in found


def test_what_is_paid_is_what_the_ledger_posted() -> None:
    posted = sum(
        transfer["amount"]
        for entry in only(studio_run(), subjects.TRANSFER_POSTED)
        for chain in entry.data["chains"]
        for transfer in chain["transfers"]
        if transfer["debit"] == "social" and transfer["kind"] == "post"
    )

    assert work(summed(studio_run()))["producer"].paid == posted


def test_a_log_without_its_delegations_is_summed_all_the_same() -> None:
    damaged = tuple(each for each in studio_run() if each.type != subjects.TASK_DELEGATED.type)

    assert work(summed(damaged))["producer"] == GroupWork("producer", questions=6, answered=6)


def test_a_default_is_no_answer() -> None:
    found = work(summed(records(studio(people=()))))

    assert (found["producer"].questions, found["producer"].answered, found["producer"].delegated) == (6, 0, 0)


def test_a_page_has_a_table_of_work_only_if_there_was_any() -> None:
    summary = summed(studio_run())
    page = render(summary)

    assert ("producer", "6", "6", "6", "6", "1.5", "0", "0") in work_rows(summary)
    assert "<h2>Questions and tasks</h2>" in page
    assert "<h2>Questions and tasks</h2>" not in render(summed(small_run()))
