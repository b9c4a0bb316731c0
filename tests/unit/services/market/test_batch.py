"""The effects of a book's batches over memory: their order, their repeats, fencing, and what halts a market."""

import nats.errors
import pytest
from factories import active, ask, bid, group, scenario
from market_builder import LOCK_STEP, REAL_TIME, C, MemoryMarket
from snapshot_times import write_snapshots_always, write_snapshots_no_more

from econsim import subjects
from econsim.domain.market.book import BatchEnd
from econsim.errors import CorruptLog
from econsim.schemas.ledger import Refusal
from econsim.services.leadership import LeadershipLost
from econsim.services.market.batch import BookHalted

CROSSING = (ask("bert", "bert.a", C), bid("anna", "anna.b", C))


async def test_a_batch_settles_before_its_events_and_ends_with_tick_cleared():
    market = MemoryMarket()

    await market.process(*CROSSING)

    assert market.client.steps == [
        "ledger reserve", "ledger settle",
        "log bid_accepted", "log ask_accepted", "log trade_executed", "log price_updated",
        "deliver price_updated",
        "deliver ask_accepted", "deliver bid_accepted", "deliver trade_executed", "deliver trade_executed",
        "log tick_cleared",
        "deliver tick_cleared",
    ]  # fmt: skip


async def test_a_settlement_that_the_ledger_refuses_halts_the_market_before_any_event_is_published():
    market = MemoryMarket()
    market.ledger.refuse = {"anna.b.1": Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE}

    with pytest.raises(BookHalted):
        await market.process(*CROSSING)

    assert [step for step in market.client.steps if step.startswith("log")] == ["log trading_halted"]
    (halted,) = market.client.events("trading_halted")
    assert (halted["data"]["chain"], halted["data"]["reason"]) == (
        "anna.b.1",
        "debit_account_would_go_negative",
    )


async def test_a_submission_too_large_for_a_message_halts_the_market():
    market = MemoryMarket()

    def refuse(_):
        raise nats.errors.MaxPayloadError

    market.client.answers[subjects.SUBMIT.pattern(run="run")] = refuse
    with pytest.raises(BookHalted, match="2 chains at once are more bytes than a message may have"):
        await market.process(*CROSSING)

    (halted,) = market.client.events("trading_halted")
    assert (halted["data"]["resource"], halted["data"]["chain"]) == ("cpu", None)
    assert not market.client.events("tick_cleared")


async def test_a_batch_that_fails_in_the_rules_halts_the_market_with_the_error():
    market = MemoryMarket()

    with pytest.raises(BookHalted):
        await market.process("no action")

    (halted,) = market.client.events("trading_halted")
    assert halted["data"]["reason"].startswith("AttributeError: ")


async def test_a_rebuilt_market_that_was_halted_says_so():
    market = MemoryMarket()
    market.ledger.refuse = {"anna.b.1": Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE}
    with pytest.raises(BookHalted):
        await market.process(*CROSSING)

    await market.new_worker().rebuild()

    assert market.batches.halted


async def test_an_order_without_its_reservation_is_rejected_and_its_agent_learns_the_reason():
    market = MemoryMarket()

    await market.process(bid("anna", "anna.b", C, 11))

    (rejected,) = market.client.events("order_rejected")
    (item,) = rejected["data"]["items"]
    assert (item["order_id"], item["code"]) == ("anna.b", "debit_account_would_go_negative")
    assert "deliver order_rejected" in market.client.steps


async def test_a_batch_done_again_by_the_next_worker_stores_nothing_twice():
    market = MemoryMarket()
    await market.process(*CROSSING)
    stored = market.client.stored(subjects.AUDIT)
    market.client.streams[subjects.AUDIT].messages.pop()  # `tick_cleared` did not arrive
    market.client.streams[subjects.AUDIT].ids.popitem()
    await market.new_worker().rebuild()

    await market.process(*CROSSING)

    assert market.client.stored(subjects.AUDIT) == stored
    assert len(market.ledger.submissions) == 4
    assert [each.command_id for each in market.ledger.submissions[:2]] == [
        each.command_id for each in market.ledger.submissions[2:]
    ]


async def test_a_tick_cleared_before_is_passed_over():
    market = MemoryMarket()
    await market.process(*CROSSING)

    await market.process(bid("anna", "anna.b2", C))

    assert market.client.steps == []


async def test_a_rebuilt_book_equals_the_one_that_wrote_the_log():
    market = MemoryMarket()
    await market.process(*CROSSING)
    await market.process(bid("anna", "anna.b2", C, 2), tick=2)
    first = market.book

    await market.new_worker().rebuild()

    assert market.book == first


async def test_a_log_that_lacks_an_event_is_not_built_upon():
    market = MemoryMarket()
    await market.process(*CROSSING)
    messages = market.client.streams[subjects.AUDIT].messages
    messages[:] = [each for each in messages if "trade_executed" not in each.subject]

    with pytest.raises(CorruptLog, match="batch_lacks_items"):
        await market.new_worker().rebuild()


async def test_a_worker_that_lost_its_lease_cannot_finish_a_batch():
    market = MemoryMarket()
    await market.process(bid("anna", "anna.b", C))
    await market.client.jetstream().publish("market.cpu.tick_cleared.run", b"of another worker")

    with pytest.raises(LeadershipLost):
        await market.process(bid("anna", "anna.b2", C), tick=2)


async def test_a_lock_step_batch_without_orders_still_meets_the_barrier():
    market = MemoryMarket()

    await market.process()

    (submission,) = market.ledger.submissions
    assert (submission.barrier, submission.book, submission.chains) == (1, "cpu", ())


async def test_a_real_time_batch_is_opened_before_anything_is_reserved():
    market = MemoryMarket(REAL_TIME)

    await market.process(bid("anna", "anna.b", C), ends_tick=False, last_sequence=7)

    assert market.client.steps[:2] == ["log batch_opened", "ledger reserve"]
    (opened,) = market.client.events("batch_opened")
    assert (opened["data"]["batch"], opened["data"]["last_sequence"]) == (1, 7)


async def test_a_real_time_batch_without_orders_asks_the_ledger_nothing():
    market = MemoryMarket(REAL_TIME)

    await market.process()

    assert market.client.steps[:2] == ["log batch_opened", "log tick_cleared"]


async def test_a_real_time_batch_opened_and_not_finished_is_known_to_the_next_worker():
    market = MemoryMarket(REAL_TIME)
    await market.client.jetstream().publish("market.cpu.tick_cleared.run", b"of another worker")
    with pytest.raises(LeadershipLost):
        await market.process(bid("anna", "anna.b", C), tick=3, ends_tick=False, last_sequence=7)

    batches = market.new_worker()
    await batches.rebuild()

    assert (batches.unfinished.data.last_sequence, batches.unfinished.tick) == (7, 3)
    assert batches.next_time == (3, 1)


@pytest.mark.parametrize("tick", [1, 2])
async def test_of_two_workers_one_opens_a_real_time_batch_also_in_the_same_tick(tick):
    market = MemoryMarket(REAL_TIME)
    late = market.batches
    await market.new_worker().process((), BatchEnd(tick, 1, tick, last_sequence=8), "cause")

    with pytest.raises(LeadershipLost):
        await late.process((), BatchEnd(1, 1, 1, last_sequence=7), "cause")


async def test_a_repeated_order_gets_its_first_answer_again_and_the_log_has_it_once():
    market = MemoryMarket()
    await market.process(bid("anna", "anna.b", C))

    await market.process(bid("anna", "anna.b", C), tick=2)

    assert "deliver bid_accepted" in market.client.steps
    assert len(market.client.events("bid_accepted")) == 1


async def test_the_price_goes_to_its_bucket_when_the_quote_changed():
    market = MemoryMarket()
    await market.process(bid("anna", "anna.b", C))
    await market.process(tick=2)

    prices = [subject for subject, _ in market.client.stored(subjects.PRICE_UPDATED.stream)]

    assert len(market.client.events("price_updated")) == 1
    assert prices.count("market.cpu.price_updated.run") == 1


@pytest.mark.parametrize(("resource", "allocated"), [("cpu", [("anna", 1)]), (None, [])])
async def test_trades_of_the_token_resource_are_announced_as_allocations(resource, allocated):
    wanted = scenario(group("anna", "external"), group("bert", "external"), cognition={"resource": resource})
    market = MemoryMarket(active(wanted))

    await market.process(*CROSSING)

    items = [item for event in market.client.events("resource_allocated") for item in event["data"]["items"]]
    assert [(item["agent"], item["units"]) for item in items] == allocated


async def with_snapshot(monkeypatch, run=LOCK_STEP, **options):
    """Return a market with a snapshot of its book after batch 2, and two batches after that."""
    write_snapshots_always(monkeypatch)
    market = MemoryMarket(run)
    for tick in range(1, 5):
        await market.process(bid("anna", f"anna.b{tick}", C), tick=tick, **options, last_sequence=tick)
        await market.batches.snapshots.wait()
        if tick == 2:
            write_snapshots_no_more(monkeypatch)
    return market


@pytest.mark.parametrize("run", [LOCK_STEP, REAL_TIME])
async def test_a_worker_folds_only_what_the_log_has_after_the_snapshot(monkeypatch, run):
    market = await with_snapshot(monkeypatch, run, ends_tick=run is LOCK_STEP)
    before, batches = market.book, market.batches
    after = len([each for each in market.client.events() if each["tick"] > 2])

    market.client.delivered = 0
    await market.new_worker().rebuild()

    assert market.client.delivered == after
    assert (market.book, market.batches.next_time) == (before, batches.next_time)
    await market.process(bid("bert", "bert.b", C), tick=5, last_sequence=5)
    assert market.book.batch == 5


async def test_a_snapshot_of_another_log_is_dropped_and_the_whole_log_is_folded(monkeypatch, caplog):
    market = await with_snapshot(monkeypatch)
    cleared = [m for m in market.client.streams[subjects.AUDIT].messages if "tick_cleared" in m.subject]
    cleared[1].payload += b" "
    cleared[1].headers.clear()
    before = market.book

    market.client.delivered = 0
    await market.new_worker().rebuild()

    assert "the log has another record at place" in caplog.text
    assert market.client.delivered == len(market.client.events())
    assert market.book == before


async def test_a_worker_that_lost_its_lease_is_fenced_after_a_snapshot_too(monkeypatch):
    market = await with_snapshot(monkeypatch)
    await market.new_worker().rebuild()
    await market.client.jetstream().publish("market.cpu.tick_cleared.run", b"of another worker")

    with pytest.raises(LeadershipLost):
        await market.process(bid("anna", "anna.b9", C), tick=5)
