"""No name is a word of the system, wherever both stand in one place. The words are read from the code that puts them there.

Catches: a bucket key, ledger id or subject of the system's own that an agent, a resource or a run could have.
"""

from __future__ import annotations

import json
import tomllib

import pytest
from factories import group, role, scenario
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from run_builders import small_scenario

from econsim import subjects
from econsim.adapters.jetstream.order_consumers import book_name
from econsim.adapters.jetstream.quota_table import DEFAULT
from econsim.cli.run_names import LAST
from econsim.domain.agent.population import host_name, population
from econsim.domain.clock.period import deal, endow, redeem
from econsim.domain.execution.in_memory import run
from econsim.domain.ledger.bucket import RESERVED
from econsim.domain.ledger.decisions import NOBODY
from econsim.errors import ScenarioError
from econsim.identity.roles import ROLES
from econsim.runs.scenario_file import json_schema, parse
from econsim.schemas.clock import OpenRun
from econsim.schemas.ledger import MONEY, TREASURY, clearing_holder
from econsim.schemas.names import NO_RUN
from econsim.schemas.subject import OWNERS, SubjectKind
from econsim.streams import AUDIT_LOG

ONE = population(scenario(group("a", roles=[role("ask", values=[[1]])])))
CHAINS = (*endow(ONE), *deal(ONE, 1), *redeem(ONE, ["cpu"], 1, lambda *_: 1))
ACTORS = {addressed.event.actor for addressed in run(small_scenario())}
JOURNAL = {pattern.split(".")[3] for source in AUDIT_LOG.sources for pattern, _ in source.renames} - {"*"}


def words(domain, place, kinds=tuple(SubjectKind)):
    """Return the fixed words at a place of the subjects of a domain."""
    names = [row.template.split(".") for row in subjects.TABLE if row.kind in kinds]
    found = {parts[place] for parts in names if parts[0] == domain and len(parts) > place}
    return {word for word in found if "{" not in word}


AGENTS = {
    *RESERVED,
    *JOURNAL,
    *(chain.id.split(".")[0] for chain in CHAINS),
    *ACTORS,
    *ROLES,
    *OWNERS,
    *words("agent", 1),
    *words("market", 4, (SubjectKind.BROADCAST,)),
    DEFAULT,
    NOBODY,
    TREASURY,
    clearing_holder("cpu"),
    host_name(0),
}
RESOURCES = {*MONEY, *words("market", 1), *(row.action for row in subjects.ORDER_OUTCOME)}


def external(name):
    return (
        f'name = "x"\nmarkets = [{{ resource = "cpu" }}]\n[[agents]]\nname = "{name}"\npolicy = "external"\n'
    )


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_no_agent_is_called_like_a_word_of_the_system(name):
    with pytest.raises(
        ScenarioError, match=r"line 4: agents\[1\].name: .* reserved for the system; rename group"
    ):
        parse(external(name))

    assert not Draft202012Validator(json.loads(json_schema())).is_valid(tomllib.loads(external(name)))


@pytest.mark.parametrize("resource", sorted(RESOURCES))
def test_no_resource_is_called_like_a_word_of_the_system(resource):
    text = external("anna").replace('"cpu"', f'"{resource}"')

    with pytest.raises(
        ScenarioError, match=r"line 2: markets\[1\].resource: .* name of the system's own; use another"
    ):
        parse(text)

    assert not Draft202012Validator(json.loads(json_schema())).is_valid(tomllib.loads(text))


@pytest.mark.parametrize("name", [LAST, NO_RUN])
def test_no_run_is_called_like_a_word_of_the_system(name):
    with pytest.raises(ValidationError, match="choose another name"):
        OpenRun(run=name, scenario=small_scenario())


@pytest.mark.parametrize("name", ["anna", "transfers", "cpu", "clearing", "host", "last", "none"])
def test_other_names_are_free(name):
    assert parse(external(name))
    assert Draft202012Validator(json.loads(json_schema())).is_valid(tomllib.loads(external(name)))


def test_every_word_the_test_reads_from_the_code_is_found():
    assert {
        "transfer",
        "refusal",
        "endow",
        "deal",
        "redeem",
        "clock",
        "market",
        "ledger",
        "task",
        "all",
    } <= AGENTS
    assert {"prices", "account", "ledger", "trade_executed"} <= RESOURCES


@pytest.mark.parametrize("order_id", sorted({chain.id.partition(".")[0] for chain in CHAINS}))
def test_no_scripted_order_is_called_like_a_chain_of_the_clock(order_id):
    step = f'script = [{{ tick = 1, resource = "cpu", verb = "bid", order_id = "{order_id}", price = 1 }}]'
    text = f"{external('anna').replace('external', 'scripted')}{step}\n"

    with pytest.raises(
        ScenarioError, match=r"order_id: .* system's own transfers; give the order another id"
    ):
        parse(text)
    assert not Draft202012Validator(json.loads(json_schema())).is_valid(tomllib.loads(text))


def test_books_of_different_runs_have_different_consumers():
    pairs = [("c", "a_b"), ("b_c", "a"), ("a", "c"), ("c_a", "b")]

    assert len({book_name(run, resource) for run, resource in pairs}) == len(pairs)
