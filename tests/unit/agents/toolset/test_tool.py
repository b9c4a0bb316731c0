"""Tools and their arguments: nothing unknown, nothing coerced, every argument described."""

import pytest

from econsim.agents.toolset.catalogue import TOOLS, TOOLS_BY_NAME, instructions
from econsim.errors import InvalidMessage


async def refusal(name, **arguments):
    """Return what a tool says about arguments; the agent's membership is never asked."""
    with pytest.raises(InvalidMessage) as caught:
        await TOOLS_BY_NAME[name].run(None, arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"agent": "bert"},
        {"agent_id": "bert"},
        {"run": "other"},
        {"command_id": "1"},
        {"price": 2},
        {"price": "-1"},
        {"price": "1e3"},
        {"price": "٣"},
        {"price": "1.0000001"},
        {"price": "9" * 40},
        {"quantity": "1"},
        {"quantity": 1.0},
        {"quantity": True},
        {"quantity": 10**6 + 1},
        {"order_id": "a\x1b[2J"},
        {"order_id": "a.b.c"},
        {"resource": ">"},
        {"resource": ["cpu"]},
        {"kind": "iceberg"},
    ],
)
async def test_a_wrong_argument_of_an_order_is_refused_before_anything_is_sent(arguments):
    said = await refusal("place_bid", **({"resource": "cpu", "price": "1"} | arguments))

    assert next(iter(arguments)) in said
    assert "the arguments of place_bid are: resource, price, quantity, kind, order_id" in said


async def test_a_missing_argument_is_named():
    assert "resource: Field required" in await refusal("get_book")


async def test_a_tool_without_arguments_takes_none():
    assert "the arguments of get_balance are: none" in await refusal("get_balance", agent="bert")


def test_names_of_tools_are_unique_and_fit_every_client():
    assert len(TOOLS_BY_NAME) == len(TOOLS)
    assert all(
        name.isascii() and name.replace("_", "").isalpha() and len(name) <= 40 for name in TOOLS_BY_NAME
    )


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_argument_is_described_and_none_names_an_agent(tool):
    schema = tool.input_schema()

    assert schema["additionalProperties"] is False
    assert all(each.get("description") or "$ref" in each for each in schema["properties"].values())
    assert not {"agent", "agent_id", "sender", "run"} & {*schema["properties"]}


def test_a_description_of_its_own_goes_before_the_docstring_of_a_field():
    schema = TOOLS_BY_NAME["place_bid"].input_schema()["properties"]

    assert schema["price"]["description"].startswith("Credits as decimal text")


def test_the_instructions_say_who_the_assistant_is():
    assert instructions("demo", "ana").startswith("You are agent ana in run demo")
