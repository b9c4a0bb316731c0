"""Every promise has a test that proves it, or a reason why it has none yet.

Catches: a promise nobody proves, a test that proves what nobody promised, a page that is not what the tests say.
"""

from __future__ import annotations

from requirements import PAGE, deferred, page, promises, proofs

IDS = [each for rows in promises().values() for each in rows]


def test_every_promise_is_proved_or_deferred_with_a_reason() -> None:
    unproved = [each for each in IDS if each not in proofs() and not deferred().get(each)]

    assert not unproved, (
        f"name these in a test with @requirement, or give the reason under [deferred]: {unproved}"
    )


def test_no_promise_is_both_proved_and_deferred() -> None:
    both = sorted(proofs().keys() & deferred().keys())

    assert not both, f"tests prove these: take them off [deferred]: {both}"


def test_tests_and_reasons_name_promises_there_are() -> None:
    unknown = sorted((proofs().keys() | deferred().keys()) - set(IDS))

    assert not unknown, f"tests/requirements.toml has no such promise: {unknown}"


def test_an_id_stands_once() -> None:
    assert len(IDS) == len(set(IDS))


def test_the_published_page_is_current() -> None:
    assert PAGE.read_text() == page(), "update with: make catalog"
