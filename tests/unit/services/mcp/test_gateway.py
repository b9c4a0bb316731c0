"""Calls of tools: each is answered, paid as its ending says, and made once under its id, whatever fails."""

from __future__ import annotations

import asyncio

import pytest
from call_builders import Meter
from requirements import requirement
from tool_builders import BUDGET, PRICE, Server, World, fault, result, silent

from econsim import subjects
from econsim.errors import NotAllowed, Unavailable
from econsim.services.mcp import gateway

CACHED = {"price": 0.25, "pure": True, "cached_for_s": 60, "cached_price": 0.01}
HIT = 10_000


async def test_a_result_costs_the_price_of_its_tool():
    world = World(result("found it"))

    reply = await world.call()

    assert (reply["result"]["content"][0]["text"], reply["price"], reply["error"]) == (
        "found it",
        PRICE,
        None,
    )
    assert world.money() == (BUDGET - PRICE, 0)


@pytest.mark.parametrize(
    ("mode", "answer", "is_answered"),
    [
        ("lock_step", result("found it"), False),
        ("real_time", result("found it"), True),
        ("real_time", fault("tool_server_failed"), False),
    ],
)
async def test_a_reply_waits_for_its_settlement_where_the_next_call_may_need_it(mode, answer, is_answered):
    world, answered = World(answer, mode=mode), []

    def ledger(payload):
        if b".settled" in payload:
            answered.append(any("tool_replied" in subject for subject, *_ in world.client.published))
        return world.ledger(payload)

    world.client.answers[subjects.SUBMIT.pattern(run="run")] = ledger
    await world.call()

    assert answered == [is_answered]


@requirement("gateway.audit")
async def test_reply_ledger_and_log_have_one_receipt():
    world = World()

    reply = await world.call()

    ((type_, data),) = world.events()
    chains = [chain.id for each in world.ledger.submissions for chain in each.chains]
    assert reply["receipt"].startswith("mcp.ana.")
    assert (type_, data["id"], data["msg_id"]) == ("mcp.completed", reply["receipt"], "one")
    assert chains == [reply["receipt"], f"{reply['receipt']}.settled"]


async def test_an_error_that_the_tool_reports_is_an_answer_and_is_paid():
    world = World(result("no such thing", is_error=True))

    reply = await world.call()

    assert (reply["result"]["is_error"], reply["price"]) == (True, PRICE)
    assert [(type_, data["is_error"]) for type_, data in world.events()] == [("mcp.completed", True)]


@pytest.mark.parametrize(
    ("code", "price"),
    [
        ("tool_server_failed", 0),
        ("tool_server_is_busy", 0),
        ("tool_refused", PRICE),
        ("result_is_too_large", PRICE),
        ("result_is_malformed", PRICE),
    ],
)
@requirement("gateway.cost")
async def test_a_failure_costs_its_price_if_the_server_answered(code, price):
    world = World(fault(code, ran=True))

    reply = await world.call()

    assert (reply["error"]["code"], reply["price"], world.money()) == (code, price, (BUDGET - price, 0))
    assert [(type_, data["failure"]) for type_, data in world.events()] == [("mcp.failed", code)]


async def test_without_credits_no_server_is_asked():
    world = World(terms={"price": 2})

    reply = await world.call()

    assert reply["error"]["code"] == "debit_account_would_go_negative"
    assert (world.server.asked, world.money(), world.events()) == ([], (BUDGET, 0), [])


async def test_calls_at_once_never_overdraw_a_budget():
    world = World()
    worker = world.worker()

    await asyncio.gather(*(worker.handle(world.message({"msg_id": f"c{n}"})) for n in range(20)))

    paid = [reply for reply in world.replies() if reply["error"] is None]
    assert (len(paid), len(world.server.asked), world.money()) == (4, 4, (0, 0))


@requirement("gateway.timeout")
async def test_a_silent_server_costs_nothing_and_its_caller_is_answered_at_the_deadline():
    world = World(silent)

    reply = await world.call({"timeout_ms": 50})

    assert (reply["error"]["code"], reply["price"], world.money()) == ("tool_timed_out", 0, (BUDGET, 0))


async def test_a_call_that_waited_too_long_in_the_queue_is_not_made():
    world = World()

    reply = await world.call({"timeout_ms": 50}, age_s=1.0)

    assert (reply["error"]["code"], world.server.asked, world.money()) == ("tool_timed_out", [], (BUDGET, 0))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tool": "lose"}, "tool_does_not_exist"),
        ({"params": {"q": 5}}, "tool_arguments_are_not_valid"),
        ({"params": {}}, "tool_arguments_are_not_valid"),
        ({"agent_id": "bob"}, "agent_id_does_not_match_subject"),
        ({"server": "other"}, "server_does_not_match_subject"),
        ({"correlation_id": "other"}, "correlation_id_does_not_match_subject"),
        ({"reply_subject": "market.cpu.place_bid.run.bob"}, "reply_subject_is_foreign"),
        ({"timeout_ms": 0}, "message_is_invalid"),
        ({"unheard_of": 1}, "message_is_invalid"),
    ],
)
async def test_a_wrong_call_is_refused_before_anything_is_paid(body, code):
    world = World()

    reply = await world.call(body)

    assert (reply["error"]["code"], reply["receipt"]) == (code, "")
    assert (world.server.asked, world.ledger.submissions) == ([], [])


async def test_a_server_that_never_answered_is_named():
    world = World()
    world.server.listing = ""

    reply = await world.call({"timeout_ms": 20})

    assert (reply["error"]["code"], reply["error"]["retryable"]) == ("tool_server_is_absent", True)


async def test_a_repeat_gets_the_answer_that_was_paid_for():
    world = World(result("one"), result("two"))

    first, again = await world.call(), await world.call()

    assert (first, len(world.server.asked), world.money()) == (again, 1, (BUDGET - PRICE, 0))


async def test_another_call_under_the_same_id_is_a_conflict():
    world = World()
    await world.call()

    reply = await world.call({"params": {"q": "y"}})

    assert reply["error"]["code"] == "exists_with_different_fields"
    assert world.money() == (BUDGET - PRICE, 0)


async def test_the_same_id_of_two_agents_is_two_calls():
    world = World()

    await world.call()
    await world.call(agent="bob")

    assert (world.money(), world.money("bob"), len(world.server.asked)) == (
        (BUDGET - PRICE, 0),
        (BUDGET - PRICE, 0),
        2,
    )


async def test_of_two_workers_with_one_call_the_first_outcome_counts_and_is_paid_once():
    world = World()
    workers = [world.worker(Server(result(text), terms={"price": 0.25, "repeatable": True})) for text in "ab"]

    await asyncio.gather(*(worker.handle(world.message()) for worker in workers))

    first, second = world.replies()
    assert first["result"] == second["result"]
    assert world.money() == (BUDGET - PRICE, 0)


async def test_of_two_messages_of_one_call_at_a_worker_the_second_waits_for_the_outcome_of_the_first():
    world = World(terms={"price": 0.25, "repeatable": True})
    worker = world.worker()

    await asyncio.gather(*(worker.handle(world.message()) for _ in range(2)))

    assert (len(world.server.asked), len(world.replies()), world.money()) == (1, 2, (BUDGET - PRICE, 0))


async def test_a_refusal_leaves_no_outcome_so_that_the_same_call_may_succeed_later():
    world = World(terms={"price": 0.25}, calls_per_second=1)
    await world.call({"msg_id": "before"})
    refused = await world.call()
    world.now_ms += 1_000

    reply = await world.call()

    assert refused["error"]["code"] == "tool_server_rate_is_exceeded"
    assert (reply["error"], world.money()) == (None, (BUDGET - 2 * PRICE, 0))


@requirement("gateway.rate_limit")
@pytest.mark.parametrize("limit", ["calls_per_second", "calls_per_hour"])
async def test_calls_of_one_agent_at_one_server_are_limited_and_those_of_another_are_not(limit):
    world = World(**{limit: 2})

    codes = [(await world.call({"msg_id": f"c{n}"}))["error"] for n in range(3)]
    await world.call(agent="bob")

    assert codes[:2] == [None, None]
    assert (codes[2]["code"], codes[2]["details"]["quota"]) == ("tool_server_rate_is_exceeded", limit)
    assert world.replies("bob")[0]["error"] is None


async def test_calls_under_way_at_once_are_limited():
    world = World(silent, calls_at_once=1)
    worker = world.worker()

    calls = [world.message({"msg_id": f"c{n}", "timeout_ms": 50}) for n in range(2)]
    await asyncio.gather(*(worker.handle(each) for each in calls))

    codes = sorted(reply["error"]["code"] for reply in world.replies())
    assert codes == ["tool_server_rate_is_exceeded", "tool_timed_out"]


async def test_an_external_agent_has_its_hourly_quota_of_all_tools():
    world = World(meter=Meter(mcp_calls_per_hour=0))

    reply = await world.call()

    assert reply["error"]["code"] == "mcp_calls_per_hour_are_exceeded"
    assert (world.server.asked, world.money()) == ([], (BUDGET, 0))


@requirement("gateway.cache")
async def test_an_equal_call_is_a_hit_at_its_own_price_and_no_server_is_asked():
    world = World(result("kept"), terms=CACHED)
    await world.call({"msg_id": "first"})

    hit = await world.call({"msg_id": "second"})

    assert (hit["cached"], hit["price"], hit["result"]["content"][0]["text"]) == (True, HIT, "kept")
    assert (len(world.server.asked), world.money()) == (1, (BUDGET - PRICE - HIT, 0))


@pytest.mark.parametrize(("public", "calls"), [(False, 2), (True, 1)])
async def test_a_result_stays_with_its_agent_unless_its_tool_is_public(public, calls):
    world = World(terms=CACHED | {"public": public})

    await world.call()
    await world.call(agent="bob")

    assert len(world.server.asked) == calls


@pytest.mark.parametrize(
    ("terms", "answer"),
    [
        (CACHED | {"pure": False}, result()),
        ({"price": 0.25, "pure": True}, result()),
        (CACHED, result(is_error=True)),
        (CACHED, result("x" * 300_000)),
    ],
)
async def test_nothing_else_is_kept(terms, answer):
    world = World(answer, terms=terms)

    for n in range(2):
        await world.call({"msg_id": f"c{n}"})

    assert len(world.server.asked) == 2


async def test_a_poisoned_or_silent_cache_counts_as_empty():
    world = World(terms=CACHED)
    await world.call({"msg_id": "first"})
    (entry,) = await world.kept.entries()
    await world.kept.put(entry.key, b'{"content":"poison"}')

    reply = await world.call({"msg_id": "second"})
    world.kept.available = False
    await world.call({"msg_id": "third"})

    assert (reply["cached"], len(world.server.asked)) == (False, 3)


@requirement("gateway.retries")
async def test_a_passing_fault_of_a_tool_that_may_be_repeated_is_tried_again():
    world = World(fault(), fault(), result("at last"), terms={"price": 0.25, "repeatable": True})

    reply = await world.call()

    assert (reply["result"]["content"][0]["text"], len(world.server.asked)) == ("at last", 3)
    assert world.money() == (BUDGET - PRICE, 0)


async def test_a_tool_that_may_have_run_is_not_called_again_unless_declared():
    world = World(fault(ran=None), result())

    reply = await world.call()

    assert (reply["error"]["code"], len(world.server.asked)) == ("tool_server_failed", 1)


async def test_a_call_that_surely_did_not_run_is_tried_again():
    world = World(fault(ran=False), result())

    reply = await world.call()

    assert (reply["error"], len(world.server.asked)) == (None, 2)


async def test_a_call_that_another_life_claimed_is_not_made_again_and_costs_nothing():
    world = World(silent)
    first = asyncio.create_task(world.worker().handle(world.message()))
    await world.client.until(lambda: world.server.asked)
    first.cancel()

    reply = await world.call({"timeout_ms": 15_000}, age_s=14.9, deliveries=2)

    assert (reply["error"]["code"], len(world.server.asked)) == ("call_outcome_is_unknown", 1)
    assert world.money() == (BUDGET, 0)


async def test_a_message_that_ends_its_workers_again_and_again_ends_without_a_call():
    world = World(terms={"price": 0.25, "repeatable": True})

    reply = await world.call(deliveries=21)

    assert (reply["error"]["code"], world.server.asked) == ("call_outcome_is_unknown", [])


async def test_a_worker_that_died_after_the_outcome_is_followed_by_one_that_tells_and_settles_it():
    world = World(result("stored"))
    worker = world.worker()
    worker._journal.settle = worker._journal.publish = unfinished
    handling = asyncio.create_task(worker.handle(world.message()))
    await world.client.until(world.replies)
    handling.cancel()

    reply = await world.call(deliveries=2)

    assert (reply["result"]["content"][0]["text"], len(world.server.asked)) == ("stored", 1)
    assert (world.money(), [type_ for type_, _ in world.events()]) == ((BUDGET - PRICE, 0), ["mcp.completed"])


async def test_while_the_ledger_is_away_the_caller_is_answered_and_the_call_ends_when_it_is_back():
    world = World()
    worker = world.worker()
    reserve, back = worker._journal.reserve, asyncio.Event()

    async def late(*given):
        await back.wait()
        return await reserve(*given)

    worker._journal.reserve = late
    handling = asyncio.create_task(worker.handle(world.message({"timeout_ms": 20})))
    await world.client.until(world.replies)
    assert world.replies()[0]["error"]["code"] == "service_is_unavailable"
    back.set()
    await handling

    assert world.replies()[1]["error"]["code"] == "tool_timed_out"
    assert (world.money(), world.server.asked) == ((BUDGET, 0), [])


@pytest.mark.parametrize(
    ("errors", "tried", "code"),
    [
        ([NotAllowed("no")], 1, "sender_is_not_allowed"),
        ([Unavailable("away"), NotAllowed("no"), NotAllowed("no")], 4, None),
    ],
)
async def test_a_refusal_that_lasts_ends_the_call_unless_the_price_may_be_reserved(
    errors, tried, code, monkeypatch
):
    monkeypatch.setattr(gateway, "RESERVE_INTERVAL_S", 0.01)
    world = World()
    worker = world.worker()
    reserve, asked = worker._journal.reserve, []

    async def refuse(*given):
        asked.append(given)
        if errors:
            raise errors.pop(0)
        return await reserve(*given)

    worker._journal.reserve = refuse

    reply = await world.call(worker=worker)

    assert (len(asked), reply["error"] and reply["error"]["code"]) == (tried, code)


async def test_between_two_questions_to_the_ledger_there_is_a_pause(monkeypatch):
    monkeypatch.setattr(gateway, "RESERVE_INTERVAL_S", 60.0)
    world = World()
    worker, asked = world.worker(), []

    async def refuse(*given):
        asked.append(given)
        raise Unavailable

    worker._journal.reserve = refuse
    handling = asyncio.create_task(worker.handle(world.message({"timeout_ms": 20})))
    await world.client.until(world.replies)
    handling.cancel()

    assert len(asked) == 1


async def test_an_unknown_run_or_agent_is_refused():
    world = World()
    worker = world.worker()
    worker._context.runs.drop("run")
    worker._context.runs_are_known.set()

    reply = await world.call(worker=worker)

    assert reply["error"]["code"] == "run_is_not_open"


async def test_an_unreadable_command_becomes_a_dead_letter_and_is_answered():
    world = World()

    reply = await world.call({"params": "no object"})

    assert reply["error"]["code"] == "message_is_invalid"
    assert len(world.client.stored("dead_letter")) == 1


@pytest.mark.parametrize(
    ("code", "letters"), [("tool_server_failed", 1), ("result_is_malformed", 1), ("tool_refused", 0)]
)
async def test_a_call_that_failed_for_good_becomes_a_dead_letter_unless_its_agent_is_at_fault(code, letters):
    world = World(fault(code, ran=True))

    await world.call()

    assert len(world.client.stored("dead_letter")) == letters


async def test_a_fault_is_told_at_once_if_the_next_attempt_would_come_after_the_deadline():
    world = World(fault("tool_server_is_busy", ran=False))

    reply = await world.call({"timeout_ms": 80})

    assert (reply["error"]["code"], len(world.server.asked)) == ("tool_server_is_busy", 1)


async def test_a_server_that_keeps_failing_is_left_alone_then_probed_then_called_again():
    world = World(fault(), terms={"price": 0})
    worker = world.worker()

    for n in range(6):
        await world.call({"msg_id": f"c{n}"}, worker=worker)
    resting = world.replies()[-1]["error"]["code"]
    world.now_ms += 10_000
    world.server._answers = [result()]
    probe = await world.call({"msg_id": "probe"}, worker=worker)

    assert (resting, len(world.server.asked), probe["error"]) == ("tool_server_is_resting", 6, None)
    assert world.changes == [("search", "open"), ("search", "closed")]


@pytest.mark.parametrize("code", ["tool_refused", "tool_server_is_busy", "result_is_too_large"])
async def test_what_callers_can_provoke_does_not_open_a_breaker(code):
    world = World(fault(code, ran=True), terms={"price": 0})
    worker = world.worker()

    for n in range(10):
        await world.call({"msg_id": f"c{n}"}, worker=worker)

    assert world.changes == []


async def test_an_opened_breaker_holds_for_other_workers_too():
    world = World(fault(), terms={"price": 0})
    worker, other = world.worker(), world.worker()
    for n in range(5):
        await world.call({"msg_id": f"c{n}"}, worker=worker)
    await other._caller._breakers.refresh()

    reply = await world.call({"msg_id": "other"}, worker=other)

    assert (reply["error"]["code"], len(world.server.asked)) == ("tool_server_is_resting", 5)


async def unfinished(*_):
    await asyncio.Event().wait()


async def test_a_store_that_is_away_for_a_moment_loses_no_outcome():
    world = World()
    worker = world.worker()
    record, failures = worker._journal.record, [Unavailable()]

    async def failing(*given):
        if failures:
            raise failures.pop()
        return await record(*given)

    worker._journal.record = failing
    reply = await world.call(worker=worker)

    assert (reply["error"], world.money()) == (None, (BUDGET - PRICE, 0))


@pytest.mark.parametrize("steps", range(100))
async def test_a_worker_killed_at_any_step_is_followed_by_one_that_ends_its_call_with_one_payment(steps):
    world = World(result("done"), terms={"price": 0.25, "repeatable": True})
    handling = asyncio.create_task(world.worker().handle(world.message()))
    for _ in range(steps):
        await asyncio.sleep(0)
    handling.cancel()

    reply = await world.call(deliveries=2)

    assert (reply["error"], reply["price"], world.money()) == (None, PRICE, (BUDGET - PRICE, 0))
    assert [type_ for type_, _ in world.events()] == ["mcp.completed"]
    assert len(world.server.asked) <= 2


@pytest.mark.parametrize("steps", range(0, 60, 3))
async def test_a_tool_that_may_not_be_repeated_is_called_once_whatever_step_its_worker_was_killed_at(steps):
    world = World(result("done"))
    handling = asyncio.create_task(world.worker().handle(world.message({"timeout_ms": 15_000}, age_s=14.9)))
    for _ in range(steps):
        await asyncio.sleep(0)
    handling.cancel()

    reply = await world.call({"timeout_ms": 15_000}, age_s=14.9, deliveries=2)

    assert len(world.server.asked) <= 1
    assert world.money() == (BUDGET - reply["price"], 0)


@pytest.mark.parametrize("fault", ["listing", "tables"])
async def test_a_call_that_cannot_be_made_again_after_a_crash_releases_what_it_had_reserved(fault):
    world = World(silent)
    first = asyncio.create_task(world.worker().handle(world.message()))
    await world.client.until(lambda: world.server.asked)
    first.cancel()
    worker = world.worker()
    if fault == "listing":
        world.server.listing = ""
    else:
        worker._tables = {}

    reply = await world.call({"timeout_ms": 15_000}, worker=worker, age_s=14.9, deliveries=2)

    assert (reply["error"]["code"], world.money()) == ("call_outcome_is_unknown", (BUDGET, 0))


async def test_a_call_waits_for_a_server_that_is_being_started():
    world = World()
    world.server.listing = ""
    handling = asyncio.create_task(world.worker().handle(world.message()))
    await asyncio.sleep(0)
    world.server.listing = "listed"
    await handling

    assert world.replies()[-1]["error"] is None
