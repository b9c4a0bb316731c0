"""Canonical text of the most frequent facts: the one that their JSON gives, whatever their fields hold."""

import pytest
from factories import NOON
from hypothesis import given
from hypothesis import strategies as st
from run_builders import replacing_scenario, small_scenario
from thinking import tool_askers

from econsim import subjects
from econsim.domain.audit.canonical_facts import fact_texts
from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.facts import as_record, record
from econsim.domain.execution.in_memory import run
from econsim.schemas.clock import Ticked
from econsim.schemas.ledger import (
    Chain,
    Kind,
    Refusal,
    RefusedChain,
    Transfer,
    TransferPosted,
    TransferRefused,
)
from econsim.schemas.market import (
    Accepted,
    Cancelled,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    PriceUpdated,
    Quote,
    Rejected,
    Shout,
    TickCleared,
    Traded,
    TradeExecuted,
)
from econsim.schemas.orders import OrderKind, Side, Verb

ENVELOPE = Envelope("run", "salt", 3, NOON, "cause")
TEXT = st.text(alphabet='ab_7"\\\\é∀', min_size=1, max_size=8)
NUMBER = st.integers(0, 2**53)
MAYBE = {"text": st.none() | TEXT, "number": st.none() | NUMBER}
SIDE = st.sampled_from(Side)
KIND = st.sampled_from(OrderKind)
QUOTE = st.builds(Quote, MAYBE["number"], MAYBE["number"], MAYBE["number"])
ACCEPTED = st.builds(OrderAccepted, NUMBER, TEXT, TEXT, SIDE, KIND, NUMBER, NUMBER, MAYBE["text"])
REJECTED = st.builds(
    OrderRejected,
    NUMBER,
    TEXT,
    TEXT,
    TEXT,
    st.none() | st.sampled_from(Verb),
    MAYBE["number"],
    MAYBE["number"],
    st.none() | KIND,
    MAYBE["text"],
)
TRADED = st.builds(TradeExecuted, NUMBER, TEXT, NUMBER, NUMBER, TEXT, TEXT, TEXT, TEXT, SIDE)
CANCELLED = st.builds(OrderCancelled, NUMBER, TEXT, TEXT, SIDE, NUMBER, TEXT)
TRANSFER = st.builds(Transfer, TEXT, st.sampled_from(Kind), TEXT, TEXT, TEXT, NUMBER, MAYBE["text"])
CHAIN = st.builds(Chain, TEXT, TEXT, st.lists(TRANSFER, max_size=3).map(tuple))
REFUSED = st.builds(RefusedChain, TEXT, TEXT, TEXT, st.sampled_from(Refusal), TEXT)
SHOUT = st.builds(Shout, SIDE, NUMBER, st.booleans())


def several(strategy):
    return st.lists(strategy, max_size=3).map(tuple)


def entries(model, strategy):
    return several(strategy).map(
        lambda chains: model.model_construct(sequence=1, previous_hash="0", hash="1", chains=chains)
    )


def events(model, strategy):
    return several(strategy).map(lambda items: model.model_construct(items=items))


EVENTS = {
    subjects.BID_ACCEPTED: events(Accepted, ACCEPTED),
    subjects.ORDER_REJECTED: events(Rejected, REJECTED),
    subjects.TRADE_EXECUTED: events(Traded, TRADED),
    subjects.ORDER_CANCELLED: events(Cancelled, CANCELLED),
    subjects.TRANSFER_POSTED: entries(TransferPosted, CHAIN),
    subjects.TRANSFER_REFUSED: entries(TransferRefused, REFUSED),
    subjects.TICKED: st.builds(
        lambda a, b: Ticked.model_construct(period=a, tick_of_period=b), NUMBER, NUMBER
    ),
    subjects.TICK_CLEARED: st.builds(
        lambda numbers, quote, tape, closed: TickCleared.model_construct(
            **dict(zip(("batch", "period", "items", "orders", "trades", "volume"), numbers, strict=True)),
            quote=quote,
            tape=tape,
            period_closed=closed,
            last_sequence=9,
        ),
        st.tuples(*[NUMBER] * 6),
        QUOTE,
        several(SHOUT),
        st.booleans(),
    ),
    subjects.PRICE_UPDATED: st.builds(
        lambda resource, price, quote, volume: PriceUpdated.model_construct(
            resource=resource, price=price, quote=quote, volume=volume
        ),
        TEXT,
        MAYBE["number"],
        QUOTE,
        NUMBER,
    ),
}


def lines(*sources):
    log = CanonicalLog()
    for each in sources:
        log.add(each)
    return list(log.lines())


@pytest.mark.parametrize("subject", EVENTS, ids=lambda subject: subject.action)
@given(data=st.data())
def test_a_text_is_that_of_the_json(subject, data):
    places = {"resource": "cpu"} if "resource" in subject.places else {}
    addressed = ENVELOPE.event(subject, "clock", data.draw(EVENTS[subject]), **places)

    assert fact_texts(addressed.event.data) is not None
    assert (
        lines(addressed) == lines(as_record(addressed)) == lines(record(addressed.subject, addressed.json()))
    )


@pytest.mark.parametrize("found", [small_scenario("zi_c"), replacing_scenario(), tool_askers()])
def test_a_run_has_one_hash_as_events_as_records_and_as_stored(found):
    events = list(run(found))

    assert lines(*events) == lines(*map(as_record, events))
    assert lines(*events) == lines(*(record(each.subject, each.json()) for each in events))


def test_other_events_have_no_text_of_their_own():
    opened = next(run(small_scenario()))

    assert fact_texts(opened.event.data) is None
