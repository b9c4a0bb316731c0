"""The policy `human`: a person is asked, the answer is done once, and silence trades nothing."""

from __future__ import annotations

from observations import CREDIT, observed, observed_market, observed_question

from econsim.domain.runtime.effects import Act, AskPerson
from econsim.domain.runtime.human_policy import human_cycle
from econsim.schemas.orders import Side, Verb
from econsim.schemas.scenario_cognition import Thinking

MARKET = observed_market(side=Side.BID, value=3 * CREDIT, best_ask=2 * CREDIT)


def effects(*questions, market=MARKET, **fields):
    """Return the effects of a cycle every second tick."""
    seen = observed(market, questions=questions, **{"tick": 7, "last_cycle": 5, **fields})
    return list(human_cycle(Thinking(every_ticks=2), seen, ()))


def answered(text, ended_tick=6):
    return observed_question(answer=text, ended_tick=ended_tick)


def test_a_person_chooses_among_orders_and_passing_is_the_default():
    (ask,) = effects()

    assert isinstance(ask, AskPerson)
    assert (ask.options, ask.default) == (("bid cpu at 2.85", "bid cpu at 2", "pass"), "pass")
    assert "its next unit is worth 3. Best bid none, best ask 2, last price none." in ask.text


def test_an_open_question_is_waited_for():
    assert effects(observed_question()) == []


def test_an_answer_is_done():
    (act,) = effects(answered("bid cpu at 2.85"))

    assert isinstance(act, Act)
    assert [(each.verb, each.price, each.quantity) for each in act.actions["cpu"]] == [
        (Verb.BID, 2_850_000, 1)
    ]


def test_an_answer_is_done_once_and_then_the_next_question_is_asked():
    assert isinstance(effects(answered("bid cpu at 2.85", ended_tick=4))[0], AskPerson)


def test_an_answer_is_done_however_late_the_next_cycle_is():
    assert isinstance(effects(answered("bid cpu at 2.85"), tick=20)[0], Act)


def test_an_answer_of_yesterday_is_not_done():
    assert isinstance(effects(answered("bid cpu at 2.85"), tick_of_period=1)[0], AskPerson)


def test_a_pass_trades_nothing():
    assert isinstance(effects(answered("pass"))[0], AskPerson)


def test_an_agent_without_a_unit_to_trade_asks_nobody():
    assert effects(market=observed_market()) == []
