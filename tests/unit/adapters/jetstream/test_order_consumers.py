"""Declared consumers: they keep books apart."""

from econsim.adapters.jetstream.order_consumers import MARKET_INBOX, book_consumer, stuck_consumer
from econsim.schemas.subject import matches


def captures(pattern: str, subject: str) -> bool:
    return matches(pattern.split("."), subject.split("."))


def test_a_book_receives_its_own_commands_only():
    consumer = book_consumer("run1", "cpu")

    assert captures(consumer.filter_subject, "market.cpu.place_bid.run1.alice")
    assert not captures(consumer.filter_subject, "market.gpu.place_bid.run1.alice")
    assert not captures(consumer.filter_subject, "market.cpu.place_bid.run2.alice")


def test_each_worker_of_a_book_receives_on_a_subject_of_its_own():
    first, second = book_consumer("run1", "cpu", "one"), book_consumer("run1", "cpu", "two")

    assert first.name == second.name
    assert first.deliver_subject != second.deliver_subject
    assert {c.deliver_subject.startswith(f"{MARKET_INBOX}.") for c in (first, second)} == {True}


def test_books_of_two_runs_never_share_a_consumer():
    names = {book_consumer(run, resource).name for run, resource in [("a_b", "c"), ("c", "a_b"), ("b", "a")]}

    assert len(names) == 3


def test_the_consumer_of_stuck_commands_is_named_after_its_holder_alone():
    consumer = stuck_consumer("run1", "cpu", "h1")

    assert consumer.name == "stuck_h1"
    assert captures(consumer.filter_subject, "market.cpu.place_bid.run1.alice")
