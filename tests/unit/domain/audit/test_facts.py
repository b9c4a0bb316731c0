"""Facts and causes. Catches: an item lost, a wrong actor, a cause that is not the nearest."""

from __future__ import annotations

import pytest
from factories import group, role, scenario
from requirements import requirement
from run_builders import altered, only, records, small_run
from tool_builders import answer, offered, tool_users

from econsim import subjects
from econsim.domain.audit.causality import CausalGraph, EffectTree
from econsim.domain.audit.describe import describe
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.facts import facts, record
from econsim.domain.execution.in_memory import run as run_in_memory
from econsim.domain.runtime.cycle_events import completed_event
from econsim.errors import InvalidMessage, NotFound
from econsim.runs.scenario_file import load


def every_fact(log):
    return [fact for entry in log for fact in facts(entry)]


def first_of(log, row):
    return next(fact for fact in every_fact(log) if fact.type == row.type)


def first(log, subject):
    return next(facts(only(log, subject)[0]))


def test_each_item_of_a_batch_is_a_fact_with_its_own_id_and_actor():
    entry = next(e for e in only(small_run(), subjects.BID_ACCEPTED) if len(e.data["items"]) > 1)

    found = list(facts(entry))

    assert [fact.event_id for fact in found] == [f"{entry.event_id}.{i}" for i in range(len(found))]
    assert [fact.actor for fact in found] == [item["agent"] for item in entry.data["items"]]
    assert [fact.data for fact in found] == entry.data["items"]


def test_each_chain_of_a_journal_entry_is_a_fact():
    entry = only(small_run(), subjects.TRANSFER_POSTED)[0]

    found = list(facts(entry))

    assert [fact.data["id"] for fact in found] == [chain["id"] for chain in entry.data["chains"]]
    assert found[0].actor == "treasury"


def test_a_batch_without_items_has_no_facts():
    envelope = Envelope("run", "salt", 2, "now")

    nobody_thought = completed_event(envelope, "host_2", {})

    assert list(facts(nobody_thought)) == []


def test_an_event_without_a_list_is_one_fact_under_its_own_id():
    entry = only(small_run(), subjects.TICKED)[0]

    (fact,) = facts(entry)

    assert (fact.event_id, fact.actor, fact.data) == (entry.event_id, "clock", entry.data)


def test_a_trade_is_its_takers_deed_and_concerns_both():
    trade = first(small_run(), subjects.TRADE_EXECUTED)

    taker = trade.data["buyer"] if trade.data["taker"] == "bid" else trade.data["seller"]

    assert trade.actor == taker
    assert trade.concerns(trade.data["buyer"])
    assert trade.concerns(trade.data["seller"])
    assert not trade.concerns("nobody")


def test_wire_bytes_and_models_make_the_same_record():
    from run_builders import small_scenario

    from econsim.domain.execution.in_memory import run

    for addressed in run(small_scenario()):
        read, made = record(addressed.subject, addressed.json()), record(addressed.subject, addressed.event)

        assert read.items == made.items
        assert read.data == made.data
        assert read == made


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b'{"event_id": "1"}'])
def test_a_payload_that_is_no_event_is_refused(payload):
    with pytest.raises(InvalidMessage):
        record("market.cpu.trade_executed.run_1", payload)


def test_a_trade_leads_by_its_takers_order_to_the_run():
    log = small_run()
    trade = first(log, subjects.TRADE_EXECUTED).data

    steps = CausalGraph(log).chain(trade["trade_id"])

    order = trade["bid_id"] if trade["taker"] == "bid" else trade["ask_id"]
    assert steps[1].data["order_id"] == order
    assert [step.type for step in steps[2:]] == [
        subjects.TICKED.type,
        subjects.PERIOD_OPENED.type,
        subjects.RUN_OPENED.type,
    ]


@pytest.mark.parametrize("policy", ["zip", "zi_c", "truthful"])
@pytest.mark.parametrize("mechanism", ["continuous_double_auction", "zi_double_auction", "call_auction"])
@requirement("log.causal_graph")
def test_every_fact_of_a_run_leads_to_its_opening(policy, mechanism):
    log = small_run(policy, mechanism)

    causes = CausalGraph(log)

    assert causes.findings() == []
    assert len(causes) == len(every_fact(log))
    assert all(causes.chain(fact.event_id)[-1].type == subjects.RUN_OPENED.type for fact in every_fact(log))


def test_tasks_and_questions_lead_to_the_opening_and_have_their_steps_below_them():
    log = tuple(run_in_memory(load("studio")))
    causes = CausalGraph(log)
    asked, delegated = (first_of(log, row) for row in (subjects.QUESTION_ASKED, subjects.TASK_DELEGATED))

    steps = causes.chain(delegated.data["task_id"])
    below = [effect.fact.type for effect in causes.tree(delegated.data["task_id"]).effects]

    assert causes.findings() == []
    assert [step.type for step in steps[1:]] == [
        subjects.TICKED.type,
        subjects.PERIOD_OPENED.type,
        subjects.RUN_OPENED.type,
    ]
    assert {subjects.TASK_OFFERED.type, subjects.TASK_ADVANCED.type, subjects.TASK_SETTLED.type} <= {*below}
    assert subjects.QUESTION_ENDED.type in [
        effect.fact.type for effect in causes.tree(asked.data["question_id"]).effects
    ]


def test_a_fill_settles_below_its_trade():
    log = small_run()
    trade = first(log, subjects.TRADE_EXECUTED).data

    tree = CausalGraph(log).tree(trade["trade_id"])

    (settled,) = tree.effects
    assert settled.fact.type == subjects.TRANSFER_POSTED.type
    assert settled.fact.data["cause"] == trade["trade_id"]


@requirement("log.causal_graph")
def test_the_tree_of_a_run_holds_every_fact():
    log = small_run()

    def size(node: EffectTree) -> int:
        return 1 + sum(map(size, node.effects))

    assert size(CausalGraph(log).tree(log[0].event_id, depth_max=40)) == len(every_fact(log))


def thinking_run():
    """Return a run of a buyer that pays for its thoughts in credits and in tokens, and cannot pay for the last ones."""
    thinker = group("ann", "llm", credits=1, thinking={"units": 2}, roles=[role("bid", values=[[3.0]])])
    plant = group("plant", "truthful", roles=[role("ask", "tokens", values=[[0.1] * 4])])
    return records(
        scenario(
            thinker,
            plant,
            resources=("cpu", "tokens"),
            cognition={"resource": "tokens"},
            clock={"ticks_per_period": 9},
        )
    )


@requirement("log.causal_graph")
def test_every_fact_of_a_run_that_thinks_leads_to_its_opening():
    log = thinking_run()

    causes = CausalGraph(log)

    assert only(log, subjects.TRANSFER_REFUSED)
    assert only(log, subjects.RESOURCE_ALLOCATED)
    assert causes.findings() == []
    assert all(causes.chain(fact.event_id)[-1].type == subjects.RUN_OPENED.type for fact in every_fact(log))


def test_the_receipt_of_a_call_leads_to_its_entries_in_the_ledger():
    tree = CausalGraph(thinking_run()).tree("llm.ann_001.1.1")

    assert tree.fact.type == subjects.LLM_INVOKED.type
    assert [node.fact.data["id"] for node in tree.effects] == ["llm.ann_001.1.1", "llm.ann_001.1.1.settled"]


def test_the_receipt_of_a_call_of_a_tool_leads_to_its_entries_in_the_ledger():
    log = records(tool_users(offered("look", answer("2"), price=0.5, description="Look.")))
    receipt = first(log, subjects.TOOL_COMPLETED).data["id"]

    tree = CausalGraph(log).tree(receipt)

    assert tree.fact.type == subjects.TOOL_COMPLETED.type
    assert [node.fact.data["id"] for node in tree.effects] == [receipt, f"{receipt}.settled"]


def test_the_receipt_of_a_call_that_nobody_could_pay_leads_to_its_refusal():
    log = thinking_run()
    refused = next(
        chain
        for entry in only(log, subjects.TRANSFER_REFUSED)
        for chain in facts(entry)
        if chain.data["id"].startswith("llm.")
    )

    steps = CausalGraph(log).chain(refused.data["id"])

    assert steps[0] == refused
    assert steps[1].type == subjects.TICKED.type


def test_a_lost_acceptance_is_a_gap():
    log = small_run()
    trade = first(log, subjects.TRADE_EXECUTED).data
    order = trade["bid_id"] if trade["taker"] == "bid" else trade["ask_id"]
    lost = subjects.BID_ACCEPTED if trade["taker"] == "bid" else subjects.ASK_ACCEPTED
    kept = [entry for entry in log if entry.type != lost.type]

    found = CausalGraph(kept).findings()

    assert (order, "gap") in {(finding.evidence, finding.what) for finding in found}


def test_an_event_that_names_no_cause_is_an_orphan():
    stray = altered(only(small_run(), subjects.TICK_CLEARED)[0])
    stray = record(
        stray.subject, {**{n: getattr(stray, n) for n in (*stray.__slots__, "data")}, "causation_id": None}
    )

    (finding,) = CausalGraph([small_run()[0], stray]).findings()

    assert (finding.record, finding.what) == (stray.event_id, "orphan")


def test_an_event_that_names_itself_as_its_cause_is_a_cycle():
    stray = only(small_run(), subjects.TICK_CLEARED)[0]
    fields = {name: getattr(stray, name) for name in (*stray.__slots__, "data")}
    stray = record(stray.subject, {**fields, "causation_id": stray.event_id})

    (finding,) = CausalGraph([small_run()[0], stray]).findings()

    assert (finding.record, finding.what, finding.place) == (stray.event_id, "cycle", stray.tick)


def test_ids_of_events_items_trades_orders_and_chains_are_found():
    log = small_run()
    causes = CausalGraph(log)
    trade = first(log, subjects.TRADE_EXECUTED)

    assert causes.find(trade.event_id) == trade
    assert causes.find(trade.event_id.partition(".")[0]) == trade
    assert causes.find(trade.data["trade_id"]) == trade
    assert causes.find(trade.data["bid_id"]).type == subjects.BID_ACCEPTED.type
    assert causes.find(f"{trade.data['bid_id']}.r0").data["cause"] == trade.data["bid_id"]


def test_a_unique_beginning_is_enough():
    log = small_run()
    ticked = only(log, subjects.TICKED)[0]

    assert CausalGraph(log).find(ticked.event_id[:12]).event_id == ticked.event_id


@pytest.mark.parametrize(
    ("name", "code"), [("nothing", "not_found"), ("", "not_found"), ("b", "id_is_ambiguous")]
)
def test_other_ids_are_refused(name, code):
    with pytest.raises(NotFound) as refused:
        CausalGraph(small_run()).find(name)

    assert refused.value.error_code == code


def test_every_fact_of_a_run_is_described_in_one_line():
    lines = [describe(fact) for fact in every_fact(small_run())]

    assert all(lines)
    assert not any("\n" in line or line.startswith(("market", "system")) for line in lines)
