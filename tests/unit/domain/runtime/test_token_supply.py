"""The units that an observation says a thought needs are those that the thought reserves."""

from __future__ import annotations

from thinking import token_buyers

from econsim.domain.cognition.observation import prompt_observation
from econsim.domain.execution import in_memory
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.ledger import Kind, TransferPosted
from econsim.schemas.model_call import Prompt


def test_the_units_needed_pay_for_the_thought():
    wanted = token_buyers()
    reserved, needed = {}, {}
    for addressed in in_memory.run(wanted):
        match addressed.event.data:
            case TransferPosted(chains=chains):
                for chain in chains:
                    for leg in chain.transfers:
                        if leg.kind is Kind.PENDING and chain.id.startswith("llm."):
                            reserved[chain.id, leg.asset] = leg.amount
            case LlmInvoked(items=items):
                for item in items:
                    seen = prompt_observation(Prompt.model_validate_json(item.prompt))
                    needed[item.id] = seen.tokens.needed

    resource = wanted.cognition.resource
    assert needed
    assert needed == {id_: reserved[id_, resource] for id_ in needed}
