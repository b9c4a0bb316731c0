"""Scenario files: the shipped ones load, and a mistake is named by file, line, key and remedy."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from econsim.domain.agent.population import population
from econsim.errors import ScenarioError
from econsim.runs.scenario_file import TEMPLATE, json_schema, load, names, parse, template
from econsim.runs.scenario_lines import line_of
from econsim.schemas.scenario import MechanismName, PolicyName

PUBLISHED = Path(__file__).parents[3] / "docs/reference/scenario.schema.json"


SELLS = '{ resource = "cpu", side = "ask", first = 0.75, last = 3.00 }'
EVENLY = "first = 0.75, last = 3.00"
EXPECTS = 'measure = "efficiency"'
GPU = '[[markets]]\nresource = "gpu"\nmechanism = "call_auction"\nprice_min = 0.01\nprice_max = 4.00'


def complaint(text):
    """Return the error a text gives when it is read as the file f.toml."""
    with pytest.raises(ScenarioError) as caught:
        parse(text, "f.toml")
    return caught.value


def spoiled(old, new):
    """Return the error the template gives with one line changed."""
    assert template().count(old) == 1
    return complaint(template().replace(old, new))


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_loads_and_can_be_populated(name):
    loaded = load(name)

    assert loaded.name == name
    assert loaded.title
    assert population(loaded)


def test_the_experiments_and_the_default_are_shipped():
    wanted = {"genesis", "smith1962", "gode_sunder_oracle", "call_vs_cda", "zip_learning", "flat_supply"}

    assert wanted <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_expectation_names_its_source(name):
    assert all(len(expected.source) > 20 for expected in load(name).measures)


def test_the_template_loads_and_is_none_of_the_scenarios():
    assert parse(template()).name == "my_market"
    assert not any("template" in name for name in names())


def test_a_file_is_loaded_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(template(), encoding="utf-8")

    assert load(path) == parse(template())


def test_a_name_nobody_ships_suggests_the_nearest():
    with pytest.raises(ScenarioError, match="neither a file nor a shipped scenario; did you mean 'genesis'"):
        load("genisis")


def test_a_folder_cannot_be_loaded(tmp_path):
    with pytest.raises(ScenarioError, match=f"^{tmp_path} is a directory; name a TOML file$"):
        load(tmp_path)


def test_nothing_is_no_scenario():
    with pytest.raises(ScenarioError, match=r"^'' is no name or file"):
        load("")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[markets]]", "[markets]", "write [[markets]], with two brackets"),
        ("[clock]", "[[clock]]", "write [clock], with one bracket"),
    ],
)
def test_the_error_of_a_header_with_wrong_brackets_shows_the_right_ones(old, new, said):
    text = "".join(f"{line}\n" for line in template().splitlines() if not line.startswith("#"))

    error = complaint(text.replace(old, new, 1))

    assert error.details["remedy"] == said


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_key():
    error = spoiled("periods = 5", "perods = 5")

    assert error.details == {
        "file": "f.toml",
        "line": str(template()[: template().index("periods = 5")].count("\n") + 1),
        "key": "clock.perods",
        "remedy": "did you mean 'periods'?",
    }


def test_an_unknown_key_like_no_other_lists_the_keys_there_are():
    assert "the keys here are mode, periods" in str(spoiled("periods = 5", "zzz = 5"))


def test_a_wrong_word_suggests_the_nearest():
    error = spoiled('mechanism = "continuous_double_auction"', 'mechanism = "continous_double_auction"')

    assert error.details["key"] == "markets[1].mechanism"
    assert error.details["remedy"] == "did you mean 'continuous_double_auction'?"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'name = "buyer" ',
            'nam = "buyer"',
            "agents[1].nam: is not a key of this table; did you mean 'name'?",
        ),
        ("[[markets]]", "[[market]]", "market: is not a key of this table; did you mean 'markets'?"),
    ],
)
def test_a_misspelt_key_is_named_before_the_one_that_is_missing_for_it(old, new, said):
    assert said in str(spoiled(old, new))


def test_a_missing_key_says_what_to_add():
    assert "agents[1].name: is missing; add a line name = …" in str(spoiled('name = "buyer" ', ""))
    assert "markets: is missing; add a table [[markets]]" in str(complaint('name = "x"'))


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ("count = 10\ncredits = 100 ", "count = 0 # ", "agents[1].count", "write a number from 1 to 20000"),
        ("credits = 10\n", "credits = -1\n", "agents[2].credits", "at least 0 and at most 9007199254.740991"),
        ("credits = 10\n", "credits = 0.1234567\n", "agents[2].credits", "more than six decimals"),
        ("price_min = 0.01", "price_min = 0.015", "markets[1].price_min", "must be multiples of tick_size"),
        (
            'resource = "cpu"\nmech',
            'resource = "credits"\nmech',
            "markets[1].resource",
            "a name of the system's own",
        ),
        ('name = "seller"', 'name = "buyer"', "agents[2].name", "'buyer' is declared twice"),
        ('name = "seller"', 'name = "host_"', "agents[2].name", "reserved for the system"),
        ('side = "ask"', 'side = "sell"', "agents[2].roles[1].side", "'bid' or 'ask'"),
        (
            SELLS,
            SELLS.replace(EVENLY, "values = [[1, 3, 2]]"),
            "agents[2].roles",
            "costs must not fall from unit to unit",
        ),
        (
            SELLS,
            SELLS.replace("ask", "bid").replace(EVENLY, "values = [[1, 3]]"),
            "agents[2].roles",
            "values must not rise",
        ),
        (
            "price_min = 0.01",
            "price_min = 5.00",
            "markets[1].price_max",
            "tick_size <= price_min <= price_max",
        ),
        (SELLS, SELLS.replace("cpu", "gpu"), "agents[2].roles[1].resource", "'gpu' is not among the markets"),
        (SELLS, f"{SELLS}, {SELLS}", "agents[2].roles[2].resource", "two roles on market 'cpu'"),
        (
            "count = 10\ncredits = 10\n",
            "count = 19991\ncredits = 10\n",
            "agents[2].count",
            "at most 20000 agents in all",
        ),
        (EXPECTS, f'resource = "gpu"\n{EXPECTS}', "expectations[1].resource", "'gpu' is not among"),
        (
            EXPECTS,
            f"first_period = 6\n{EXPECTS}",
            "expectations[1].first_period",
            "for periods the run does not have",
        ),
        (
            '[[agents]]\nname = "buyer"',
            f'{GPU}\n[[agents]]\nname = "buyer"',
            "expectations[1]",
            "needs resource, one of",
        ),
    ],
)
def test_each_mistake_names_its_key_and_what_is_wrong(old, new, key, said):
    error = spoiled(old, new)

    assert error.details["key"] == key
    assert said in str(error)


def test_text_that_is_not_toml_is_named_by_its_line():
    assert str(complaint('name = "a"\nseed = = 1\n')).startswith("f.toml, line 2: is not TOML")


def test_script_is_refused_for_agents_that_do_not_follow_one():
    step = '[[agents.script]]\ntick = 1\nresource = "cpu"\nverb = "bid"\norder_id = "b"\nprice = 1\n[[agents]]\nname = "seller"'

    error = spoiled('[[agents]]\nname = "seller"', step)

    assert error.details["key"] == "agents[1].script"


def test_lines_are_found_in_tables_within_arrays_of_tables():
    text = "[[a]]\nx = 1\n[[a.b]]\ny = 1\n[[a]]\n[[a.b]]\n[[a.b]]\ny = 2\n[c.d]\nz = 1\n"

    assert [line_of(text, k) for k in [("a", 0, "b", 0, "y"), ("a", 1, "b", 1, "y"), ("c", "d", "z")]] == [
        4,
        8,
        10,
    ]


def test_a_key_that_is_not_written_has_the_line_of_its_table():
    assert line_of("[[a]]\n[[a]]\nx = [1]\n", ("a", 1, "x", 0, "y")) == 3


def test_the_published_json_schema_is_current():
    """Write it anew with `make catalog`, or `econsim catalog --scenario --output` the file, when scenarios change."""
    assert PUBLISHED.read_text(encoding="utf-8") == json_schema(), (
        "a word of scenarios is new: `make catalog`"
    )


@pytest.mark.parametrize("words", [PolicyName, MechanismName])
def test_the_template_names_every_policy_and_mechanism(words):
    text = files("econsim.runs.scenarios").joinpath(f"{TEMPLATE}.toml").read_text(encoding="utf-8")

    unnamed = [word.value for word in words if f'"{word.value}"' not in text]

    assert not unnamed, f"name {unnamed} in a comment of src/econsim/runs/scenarios/{TEMPLATE}.toml"


@pytest.mark.parametrize("name", [*names(), TEMPLATE])
def test_the_json_schema_accepts_what_is_shipped(name):
    text = files("econsim.runs.scenarios").joinpath(f"{name}.toml").read_text(encoding="utf-8")

    errors = list(Draft202012Validator(json.loads(json_schema())).iter_errors(tomllib.loads(text)))

    assert not errors


THINKING = """name = "a"
markets = [{ resource = "cpu" }]
cognition = { record_text = true, models = [{ name = "small" }] }

[[agents]]
name = "b"
policy = "llm"
thinking = { model = "small" }
"""


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            'model = "small"',
            'model = "smal"',
            "thinking.model: 'smal' is not among the models .*; did you mean 'small'",
        ),
        (
            '{ model = "small" }',
            "{ }",
            "thinking.model: 'default' is not among the models of cognition; declare it",
        ),
        ("true", "false", ""),
        (
            '"small" }\n',
            '"small", trader = "zip" }\n',
            "thinking.trader: trader is given to llm agents; it is for",
        ),
        ('"small" }\n', '"small", units = 3 }\n', "thinking: group 'b' is dealt units .* names no resource"),
        ('"small" }\n', '"small", prompt = "{observation} {now}" }\n', "unknown place {now}; there are"),
    ],
)
def test_settings_of_thinking_that_cannot_be_kept_are_refused_with_the_remedy(before, after, sentence):
    text = THINKING.replace(before, after)

    if sentence:
        with pytest.raises(ScenarioError, match=sentence):
            parse(text)
    else:
        assert parse(text)


@pytest.mark.parametrize(
    ("policy", "memory", "key"), [("llm", 1, "thinking.memory"), ("llm_strategist", 0, "policy")]
)
def test_what_is_read_from_texts_in_the_log_needs_them_there(policy, memory, key):
    text = THINKING.replace("true", "false").replace('"llm"', f'"{policy}"')

    with pytest.raises(
        ScenarioError, match=rf"agents\[1\]\.{key}: .* record_text is false; .* leave record_text"
    ):
        parse(text.replace('"small" }\n', f'"small", memory = {memory} }}\n'))
