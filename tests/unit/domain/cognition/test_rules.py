"""The provider `rules`: no loss, no overdraft, tokens before they run out, and always an answer of the asked form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observations import CREDIT, MARKETS, OBSERVATIONS, observed, observed_market, own_order, shown_prompt

from econsim.domain.cognition.actions import action_schema, answer_schema, parse_actions
from econsim.domain.cognition.observation import TokenSupply
from econsim.domain.cognition.rules import NOTHING_TO_DECIDE, rules_completion
from econsim.domain.cognition.rules_policy import MARGIN_PERCENT
from econsim.domain.cognition.schema_check import text_fault
from econsim.domain.cognition.strategy import parse_strategies, strategy_schema
from econsim.domain.cognition.token_count import count_prompt_tokens, count_tokens
from econsim.errors import ProviderFailed
from econsim.schemas.model_call import ChatMessage, ChatRole, FinishReason, Prompt
from econsim.schemas.orders import Side, Verb


def resources(observation):
    return tuple(market.resource for market in observation.markets)


def answer(observation, schema=None, **fields):
    return rules_completion(shown_prompt(observation, schema, **fields))


def orders(observation):
    """Return (resource, verb, price, quantity) of what the rules do."""
    found = parse_actions(answer(observation).content, observation)
    assert not found.refusals
    return [
        (name, each.verb, each.price, each.quantity) for name, rows in found.actions.items() for each in rows
    ]


@given(OBSERVATIONS)
def test_actions_follow_the_schema_of_actions(observation):
    schema = answer_schema(observation)

    assert text_fault(schema, answer(observation, schema).content) is None


@given(OBSERVATIONS)
def test_strategies_follow_the_schema_of_strategies(observation):
    schema = strategy_schema(resources(observation))

    assert text_fault(schema, answer(observation, schema).content) is None


@given(OBSERVATIONS)
def test_no_action_is_refused_and_none_costs_more_than_the_agent_has(observation):
    spent = sum(price * quantity for _, verb, price, quantity in orders(observation) if verb is Verb.BID)

    assert spent <= max(0, observation.credits)


def test_credits_for_one_order_buy_one_order():
    markets = [observed_market(f"r{n}", side=Side.BID, value=2 * CREDIT) for n in range(2)]

    found = orders(observed(*markets, credits_=3 * CREDIT))

    assert [resource for resource, *_ in found] == ["r0"]


@given(MARKETS)
def test_no_quote_loses_money(market):
    for _, verb, price, _ in orders(observed(market, holdings={market.resource: 9})):
        assert verb is not Verb.BID or price <= market.value
        assert verb is not Verb.ASK or price >= market.value


@given(OBSERVATIONS, st.integers(1, 60))
def test_no_answer_is_longer_than_max_tokens(observation, max_tokens):
    found = answer(observation, max_tokens=max_tokens)

    assert found.usage.output_tokens == count_tokens(found.content) <= max_tokens


def test_equal_prompts_have_equal_answers():
    observation = observed(observed_market(side=Side.BID, value=3 * CREDIT))

    assert answer(observation) == answer(observation)


def test_a_buyer_bids_its_value_less_the_margin():
    seen = observed(observed_market(side=Side.BID, value=3 * CREDIT))

    assert orders(seen) == [("cpu", Verb.BID, 3 * CREDIT * (100 - MARGIN_PERCENT) // 100, 1)]


def test_a_seller_asks_its_cost_plus_the_margin_for_a_unit_that_it_has():
    market = observed_market(side=Side.ASK, value=2 * CREDIT)

    assert orders(observed(market, holdings={"cpu": 1})) == [("cpu", Verb.ASK, 2_100_000, 1)]
    assert not orders(observed(market))


def test_an_order_at_its_price_stays_and_any_other_is_replaced():
    price = 2_850_000
    at_price, elsewhere = (
        observed_market(side=Side.BID, value=3 * CREDIT, orders=(own_order(price=at),))
        for at in (price, CREDIT)
    )

    assert not orders(observed(at_price))
    assert [verb for _, verb, _, _ in orders(observed(elsewhere))] == [Verb.CANCEL, Verb.BID]


@pytest.mark.parametrize(
    ("units", "bought"),
    [(0, 6), (3, 3), (4, 0)],
    ids=["none are left", "the next thought needs more", "two thoughts are paid for"],
)
def test_tokens_are_bought_before_they_run_out(units, bought):
    market = observed_market("tokens", best_ask=CREDIT)

    found = orders(observed(market, tokens=TokenSupply("tokens", units, needed=2)))

    assert [quantity for *_, quantity in found] == ([bought] if bought else [])


def test_tokens_come_before_every_other_purchase():
    tokens, cpu = observed_market("tokens", best_ask=CREDIT), observed_market(side=Side.BID, value=3 * CREDIT)

    found = orders(observed(cpu, tokens, credits_=2 * CREDIT, tokens=TokenSupply("tokens", 0, needed=1)))

    assert found == [("tokens", Verb.BID, CREDIT, 2)]


def test_an_answer_that_would_be_too_long_has_fewer_actions():
    markets = [observed_market(f"r{n}", side=Side.BID, value=3 * CREDIT) for n in range(3)]

    found = answer(observed(*markets), max_tokens=25)

    assert len(json.loads(found.content)["actions"]) == 1
    assert found.finish_reason is FinishReason.STOP


def test_an_answer_that_is_still_too_long_ends_at_max_tokens():
    found = answer(observed(), max_tokens=1)

    assert (found.content, found.finish_reason) == ('{"ac', FinishReason.LENGTH)


def test_a_prompt_without_an_observation_is_answered_by_text():
    prompt = Prompt(messages=(ChatMessage(ChatRole.USER, "Hello"),), max_tokens=100)

    assert rules_completion(prompt).content == NOTHING_TO_DECIDE


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 3},
        {"type": "integer", "exclusiveMinimum": 4, "maximum": 9},
        {"type": "number", "maximum": -2.5},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
        {"anyOf": [{"const": "x"}, {"type": "null"}]},
        {"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}]},
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/a"}},
            "required": ["a"],
            "$defs": {"a": {"enum": [7]}},
        },
        action_schema(("gold",)),
        {},
    ],
)
def test_another_schema_is_answered_by_an_example(schema):
    found = answer(observed(), schema)

    assert text_fault(schema, found.content) is None


@pytest.mark.parametrize(
    "schema", [{"type": "string", "pattern": "^a+$"}, {"type": "objekt"}, {"$ref": "#"}, {"not": {}}]
)
def test_a_schema_that_has_no_answer_is_refused(schema):
    with pytest.raises(ProviderFailed, match="no answer to this response_schema") as refusal:
        answer(observed(), schema)

    assert refusal.value.error_code == "provider_refused"


def test_a_strategist_that_waits_in_vain_narrows_its_margin():
    markets = [observed_market(side=Side.BID, value=CREDIT, traded=traded) for traded in (0, 1)]

    found = [
        parse_strategies(answer(seen, strategy_schema(("cpu",))).content, ("cpu",)).strategies["cpu"]
        for seen in (observed(market, tick_of_period=9) for market in markets)
    ]

    assert found[0].margin_max_percent < found[1].margin_max_percent


def test_tokens_are_counted_by_the_stated_rule():
    prompt = shown_prompt(observed(), {"type": "object"}, before="é")
    texts = [message.content.encode() for message in prompt.messages]

    counted = sum(4 + -(-len(text) // 4) for text in texts) + -(-len('{"type":"object"}') // 4)

    assert (
        count_prompt_tokens(prompt)
        == answer(observed(), {"type": "object"}, before="é").usage.input_tokens
        == counted
    )
