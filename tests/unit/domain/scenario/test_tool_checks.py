"""Mistakes in the tools of a scenario: the error has line, key and remedy."""

from __future__ import annotations

import pytest

from econsim.errors import ScenarioError
from econsim.runs.scenario_file import parse

WHOLE = """name = "tools"
markets = [{ resource = "cpu" }]
[[tools]]
name = "look"
server = "library"
parameters = { type = "object", required = ["q"], properties = { q = { type = "string" } } }
[[tools.answers]]
params = { q = "cpu" }
text = "2.20"
[[agents]]
name = "buyer"
policy = "llm"
thinking = { tools = ["look"] }
"""
ANSWER = '[[tools.answers]]\nparams = { q = "cpu" }\ntext = "2.30"\n[[agents]]'
OTHER = '[[tools]]\nname = "find"\nserver = "library"\n[[agents]]'
LOOK = '[[tools]]\nname = "look"\nserver = "other"\n[[agents]]'


def complaint(old, new):
    assert WHOLE.count(old) == 1
    with pytest.raises(ScenarioError) as caught:
        parse(WHOLE.replace(old, new), "f.toml")
    return caught.value


def test_a_scenario_with_tools_is_read():
    assert parse(WHOLE).tools[0].answers[0].text == "2.20"


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "said"),
    [
        ('tools = ["look"]', 'tools = ["lok"]', 13, "agents[1].thinking.tools", "did you mean 'look'?"),
        ("[[agents]]", ANSWER, 11, "tools[1].answers[2].params", "two answers to equal params; leave one out"),
        ("[[agents]]", OTHER, 11, "tools[2].name", "record its answers too, or those of none"),
        ("[[agents]]", LOOK, 11, "tools[2].name", "tool 'look' is declared twice; use another name"),
        ('policy = "llm"', 'policy = "llm_strategist"', 13, "agents[1].thinking.tools", 'for policy = "llm"'),
        ('type = "object"', 'type = "objekt"', 6, "tools[1].parameters", "are not a JSON Schema that is taken"),
        ('{ q = "cpu" }', "{ q = 7 }", 7, "tools[1].answers", "params of answer 1 of tool 'look' are none that a call"),
        ('{ q = "cpu" }', "{ q = nan }", 7, "tools[1].answers", "are not JSON"),
        ('{ q = "cpu" }', "{ q = 1979-05-27 }", 7, "tools[1].answers", "not JSON serializable"),
        ('name = "look"', 'name = "a look"', 4, "tools[1].name", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_key_and_remedy(old, new, line, key, said):
    error = complaint(old, new)

    assert (error.details["line"], error.details["key"]) == (str(line), key)
    assert said in str(error)
