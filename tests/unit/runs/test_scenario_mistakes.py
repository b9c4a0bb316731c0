"""Mistakes in scenario files: every error is one line with file, line, key and remedy.

Catches: a type taken for another, a limit that only one transport knows, an error about the wrong line, a traceback.
"""

from __future__ import annotations

import json
import math
import tomllib

import pytest
from jsonschema import Draft202012Validator

from econsim.domain.agent.population import population
from econsim.errors import ScenarioError
from econsim.runs.scenario_file import TABLES, json_schema, load, parse
from econsim.schemas.expectation import FORMS, MeasureExpectation
from econsim.schemas.expectation_parts import Bound, EventPattern
from econsim.schemas.money import format_credits
from econsim.schemas.scenario import OPTIONS_FILL_IN, SCENARIO_BYTES_MAX
from econsim.schemas.types import AMOUNT_MAX, MICROS_PER_CREDIT, PRICE_MAX, QUANTITY_MAX

SCHEMA = Draft202012Validator(json.loads(json_schema()))

WHOLE = {
    "name": "all",
    "title": "t",
    "description": "d",
    "seed": 1,
    "hosts": 1,
    "instructions": "Buy low.",
    "clock": {
        "mode": "lock_step",
        "periods": 9,
        "ticks_per_period": 5,
        "until": "ticks",
        "tick_ms": 100,
        "pause_ms": 0,
        "join_ms": 0,
        "deadline_ms": 1000,
    },
    "cognition": {
        "models": [
            {
                "name": "small",
                "offers": [{"provider": "rules", "input_price": 1, "output_price": "0.5"}],
                "context_tokens": 4000,
            }
        ],
        "resource": "cpu",
        "tokens_per_unit": 100,
        "record_text": True,
    },
    "tools": [
        {
            "name": "look",
            "server": "library",
            "description": "d",
            "parameters": {},
            "price": 0.5,
            "answers": [{"params": {}, "text": "t", "structured": {}, "is_error": False}],
        }
    ],
    "people": [{"name": "mona", "after_ticks": 2, "prefers": ["yes"], "ignores": False}],
    "markets": [
        {
            "resource": "cpu",
            "mechanism": "call_auction",
            "tick_size": 0.01,
            "lot_size": 1,
            "price_min": 0.01,
            "price_max": "4.00",
            "open_orders_max": 5,
            "book_orders_max": 50,
            "window_ticks": 1,
            "rationing": "draw",
            "tax": 0.1,
            "tax_side": "bid",
            "tax_account": "state",
        }
    ],
    "agents": [
        {
            "name": "a",
            "policy": "scripted",
            "count": 2,
            "credits": 1,
            "activity_percent": 50,
            "present": True,
            "roles": [{"resource": "cpu", "side": "bid", "values": [[1.0, "0.50"]]}],
            "script": [
                {
                    "tick": 1,
                    "resource": "cpu",
                    "verb": "replace",
                    "order_id": "x",
                    "price": 1,
                    "quantity": 1,
                    "new_order_id": "y",
                },
                {"tick": 1, "resource": "cpu", "verb": "bid", "order_id": "z", "kind": "post_only"},
            ],
        },
        {
            "name": "b",
            "policy": "zi_c",
            "roles": [{"resource": "cpu", "side": "ask", "first": 0.5, "last": 1, "units": 2}],
        },
        {
            "name": "e",
            "policy": "zi_c",
            "roles": [
                {
                    "resource": "cpu",
                    "side": "ask",
                    "draw": {
                        "distribution": "normal",
                        "low": 0.5,
                        "high": 1,
                        "mean": 0.7,
                        "deviation": 0.2,
                        "redraw": "run",
                    },
                }
            ],
        },
        {
            "name": "c",
            "policy": "llm",
            "thinking": {
                "model": "small",
                "system": "s",
                "prompt": "{observation}",
                "tools": ["look"],
                "max_tokens": 10,
                "memory": 1,
                "units": 2,
                "every_ticks": 3,
                "credits_min": 2,
                "deadline_ms": 500,
            },
        },
        {"name": "d", "policy": "llm_strategist", "thinking": {"model": "small", "trader": "zi_c"}},
    ],
    "changes": [
        {
            "first_period": 2,
            "last_period": 2,
            "market": "cpu",
            "price_floor": 0.02,
            "price_ceiling": 3,
            "tax": -0.1,
            "tax_side": "ask",
            "tax_account": "state",
            "mechanism": "zi_double_auction",
            "tick_size": 0.02,
            "window_ticks": 2,
            "rationing": "draw",
            "open_orders_max": 9,
        },
        {
            "first_period": 3,
            "group": "b",
            "resource": "cpu",
            "present": True,
            "activity_percent": 20,
            "shift": -0.1,
            "scale_percent": 110,
            "first": 0.6,
            "last": 0.9,
            "units": 3,
        },
        {"first_period": 4, "group": "a", "values": [[0.9]]},
        {"first_period": 5, "group": "e", "draw": {"low": 0.5, "high": 0.9}},
        {"first_period": 6, "ticks_per_period": 4, "until": "exhausted"},
    ],
    "expectations": [
        {
            "form": "measure",
            "measure": "efficiency",
            "resource": "cpu",
            "first_period": 1,
            "last_period": 1,
            "value": 1,
            "tolerance": 1.5,
            "source": "s",
        },
        {"measure": "priced_out", "group": "b", "value": 0, "tolerance": 0, "source": "s"},
    ],
}
"""A scenario in which every key there is stands once."""

TABLE_KEYS = {
    "clock",
    "markets",
    "agents",
    "roles",
    "script",
    "expectations",
    "cognition",
    "models",
    "offers",
    "thinking",
    "tools",
    "answers",
    "people",
    "parameters",
    "params",
    "structured",
    "changes",
    "draw",
}
SIGNED = ("shift", "tax")
MONEY = (
    "credits_min",
    "tick_size",
    "price_min",
    "price_max",
    "credits",
    "input_price",
    "output_price",
    "first",
    "last",
    "price",
    "values",
    "low",
    "high",
    "mean",
    "deviation",
    "price_floor",
    "price_ceiling",
    *SIGNED,
)
# Expectations on events, whose mistakes have a table of their own in test_expectation_mistakes.py.
ON_EVENTS = {*FORMS.values(), Bound, EventPattern} - {MeasureExpectation}
LISTS = {"tools": "name", "prefers": "text"}
TEXT = ("title", "description", "instructions", "source", "system", "prompt", "text")


def leaves(part=WHOLE, path=()):
    """Yield path and value of everything that is neither table nor list."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in pairs:
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def written(value):
    """Return a value as TOML on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {written(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value)


def text_with(path=(), value=None):
    """Return the whole scenario as TOML, one table of the top a line, with another value at a path."""
    changed = json.loads(json.dumps(WHOLE))
    if path:
        *way, last = path
        part = changed
        for key in way:
            part = part[key]
        part[last] = value
    return "".join(f"{key} = {written(each)}\n" for key, each in changed.items())


def complaint(text):
    with pytest.raises(ScenarioError) as caught:
        parse(text, "f.toml")
    return caught.value


def odd_values(path, value):
    """Return what a leaf must not be: another type, nothing countable, or far too much."""
    key = path[-1] if isinstance(path[-1], str) else LISTS.get(path[-2], "values")
    if key in MONEY:
        less = () if key in SIGNED else (-1,)
        return (
            *(True, "much", "1e3", "", math.nan, math.inf, -math.inf, 0.0000001, 10**400, [1], {"x": 1}),
            *less,
        )
    if isinstance(value, bool):
        return (7, 1.5, "yes", ["x"], {"x": 1})
    if isinstance(value, str):
        return (True, 7, 1.5, ["x"], {"x": 1}) + (() if key in TEXT else ("No Such!", "x" * 2000))
    if key in ("value", "tolerance"):
        return (True, "1", math.nan, math.inf, [1], {"x": 1})
    return (True, "1", 1.5, 1.0, math.nan, math.inf, -1, 10**30, [1], {"x": 1})


def in_json(odd):
    """Return whether JSON Schema can tell: it knows no decimals, takes 1.0 for whole, and JSON has neither nan nor inf."""
    return odd not in (0.0000001, 1.0) and not (isinstance(odd, float) and not math.isfinite(odd))


ODD = [(path, odd) for path, value in leaves() for odd in odd_values(path, value)]


def test_the_scenario_of_these_tests_holds_every_key_there_is():
    models = {*TABLES.values()} - ON_EVENTS
    known = {key for model in models for key in model.model_fields} - OPTIONS_FILL_IN

    assert parse(text_with())
    assert known == {part for path, _ in leaves() for part in path if isinstance(part, str)} | TABLE_KEYS


@pytest.mark.parametrize("key", sorted(OPTIONS_FILL_IN))
def test_what_options_fill_in_is_no_key_of_a_file(key):
    error = complaint(f"{key} = {{}}\n{text_with()}")

    assert f"{key}: is not a key of this table" in str(error)
    assert key not in SCHEMA.schema["properties"]


@pytest.mark.parametrize(("path", "odd"), ODD, ids=lambda part: str(part)[:40])
def test_a_wrong_value_anywhere_is_one_line_with_file_line_key_and_remedy(path, odd):
    error = complaint(text_with(path, odd))

    assert "\n" not in str(error)
    assert len(str(error)) < 600
    assert error.details["line"] == str([*WHOLE].index(path[0]) + 1)
    assert error.details["key"].startswith(str(path[0]))
    assert error.details["remedy"]


@pytest.mark.parametrize(
    ("path", "odd"), [each for each in ODD if in_json(each[1])], ids=lambda part: str(part)[:40]
)
def test_the_json_schema_refuses_what_a_file_may_not_hold(path, odd):
    if odd in (0.0000001, 1.0) or (isinstance(odd, float) and not math.isfinite(odd)):
        pytest.skip(
            "JSON Schema knows no decimals, takes 1.0 for a whole number; JSON has neither nan nor inf"
        )
    document = tomllib.loads(text_with(path, odd))

    assert not SCHEMA.is_valid(document)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        (("agents", 0, "script", 0, "quantity"), QUANTITY_MAX),
        (("agents", 0, "script", 0, "price"), PRICE_MAX // MICROS_PER_CREDIT),
        (("agents", 0, "roles", 0, "values", 0, 0), PRICE_MAX // MICROS_PER_CREDIT),
        (("markets", 0, "price_max"), PRICE_MAX // MICROS_PER_CREDIT),
    ],
)
def test_limits_of_orders_are_limits_of_scenarios(path, most):
    assert parse(text_with(path, most))
    assert f"{most}" in str(complaint(text_with(path, most + 1))).rpartition(";")[2]
    assert SCHEMA.is_valid(tomllib.loads(text_with(path, most)))
    assert not SCHEMA.is_valid(tomllib.loads(text_with(path, most + 1)))


def test_the_error_of_a_price_limit_that_is_too_high_is_in_credits():
    assert "1000.01 is outside the limits; write at least 0.000001 and at most 1000 credits" in str(
        complaint(text_with(("markets", 0, "price_max"), 1000.01))
    )


REFERENCES = """name = "a"
[[markets]]
resource = "cpu"
[[agents]]
name = "x"
policy = "scripted"
script = [
  { tick = 1, resource = "cpu", verb = "bid", order_id = "o", price = 1 },
  { tick = 1, resource = "cpx", verb = "bid", order_id = "p", price = 1 },
]
[[agents]]
name = "y"
policy = "zi_c"
roles = [
  { resource = "cpu", side = "bid", first = 1, last = 1 },
]
[[expectations]]
measure = "alpha"
resource = "cpu"
first_period = 1
value = 1
tolerance = 1
source = "s"
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("", "", 9, "agents[1].script[2].resource"),
        ('cpx", verb', 'cpu", verb', 0, ""),
        ('resource = "cpu", side', 'resource = "gpu", side', 15, "agents[2].roles[1].resource"),
        ('"alpha"\nresource = "cpu"', '"alpha"\nresource = "gpu"', 19, "expectations[1].resource"),
        ("first_period = 1", "first_period = 2", 20, "expectations[1].first_period"),
        ('"alpha"', '"priced_out"', 19, "expectations[1].resource"),
        ('"alpha"\nresource', '"alpha"\ngroup = "y"\nresource', 19, "expectations[1].group"),
        ('"alpha"\nresource = "cpu"', '"priced_out"\ngroup = "z"', 17, "expectations[1]"),
        ('name = "y"', 'name = "x"', 12, "agents[2].name"),
        ("last = 1 }", "last = 1, units = 1000001 }", 15, "agents[2].roles[1].units"),
        ("first = 1, last = 1 }", "values = [[1]], units = 2 }", 15, "agents[2].roles[1].units"),
        ("first = 1, last = 1 }", "values = [[1]], first = 2 }", 15, "agents[2].roles[1].first"),
        ("first = 1, last = 1 }", "first = 2 }", 15, "agents[2].roles[1].first"),
    ],
)
def test_a_reference_or_contradiction_has_its_own_line(old, new, line, key):
    text = REFERENCES if not old else REFERENCES.replace("cpx", "cpu").replace(old, new)
    if not line:
        assert parse(REFERENCES.replace("cpx", "cpu"))
        return

    error = complaint(text)

    assert (error.details["line"], error.details["key"]) == (str(line), key)


def rich(count, credits_, periods=1, values="[[1]]"):
    """Return a scenario of so many buyers with so many credits each."""
    return (
        f'name = "rich"\nclock = {{ periods = {periods} }}\nmarkets = [{{ resource = "cpu" }}]\n'
        f'[[agents]]\nname = "a"\npolicy = "zi_c"\ncount = {count}\ncredits = "{credits_}"\n'
        f'roles = [{{ resource = "cpu", side = "bid", values = {values} }}]\n'
    )


@pytest.mark.parametrize(
    ("fits", "exceeds"),
    [
        (rich(1, "9007199253.740991"), rich(1, "9007199253.740992")),
        (rich(2, 4_500_000_000), rich(2, 4_600_000_000)),
        (rich(1, 9_007_199_154, 100), rich(1, 9_007_199_154, 101)),
        (rich(1, 9_007_100_000, 99, "[[1000]]"), rich(1, 9_007_100_000, 100, "[[1000]]")),
    ],
)
def test_the_credits_of_all_agents_over_all_periods_have_a_limit(fits, exceeds):
    assert population(parse(fits))
    assert f"at most {format_credits(AMOUNT_MAX)} in all" in str(complaint(exceeds))


def test_the_unit_limit_counts_lists_of_values():
    many = str([[1] * 1001])

    error = complaint(rich(1000, 1, values=many))

    assert "1001000 units; a run has at most 1000000 units in all" in str(error)
    assert error.details["key"] == "agents[1].roles"


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "marked.toml"
    path.write_bytes(b"\xef\xbb\xbf" + text_with().encode())

    assert load(path) == parse("\ufeff" + text_with()) == parse(text_with())


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = 1" + "0" * 5000, "\x00", "[a]\n[a]\n"])
def test_what_is_no_toml_is_one_line(text):
    error = complaint(text)

    assert "is not TOML" in str(error)
    assert "\n" not in str(error)


def test_a_key_with_odd_letters_is_named_as_it_is_written():
    assert "'a\\nb': is not a key of this table" in str(complaint('"a\\nb" = 1\n' + text_with()))


def long_script(bytes_least):
    """Return a scenario whose message has at least so many bytes, and a script that nobody would miss."""
    steps = bytes_least // 100
    rows = "\n".join(
        f'  {{ tick = {row % 9 + 1}, resource = "cpu", verb = "cancel", order_id = "order-{row}" }},'
        for row in range(steps)
    )
    head = 'name = "long"\nclock = { ticks_per_period = 2 }\nmarkets = [{ resource = "cpu" }]\n'
    return f'{head}[[agents]]\nname = "a"\npolicy = "scripted"\nscript = [\n{rows}\n]\n'


def test_of_a_scenario_too_large_to_be_sent_the_largest_part_is_named():
    prompt = "x" * SCENARIO_BYTES_MAX
    head = 'name = "long"\nclock = { ticks_per_period = 2 }\nmarkets = [{ resource = "cpu" }]\n'
    thinking = f'thinking = {{ prompt = "{prompt} {{observation}}" }}'
    text = f'{head}[[agents]]\nname = "t"\npolicy = "llm"\n{thinking}\n'

    error = complaint(text)

    assert error.details["key"] == "agents[1].thinking.prompt"
    assert "so shorten its prompts" in str(error)


@pytest.mark.slow
def test_a_scenario_too_large_to_be_sent_is_refused_at_once_with_both_sizes():
    text = long_script(SCENARIO_BYTES_MAX)

    error = complaint(text)

    size = int(str(error).partition(" (")[2].partition(" bytes")[0])
    assert size > SCENARIO_BYTES_MAX
    assert f"at most 4.00 MiB ({SCENARIO_BYTES_MAX} bytes) are taken, so shorten its scripts" in str(error)
    assert (error.details["line"], error.details["key"]) == ("7", "agents[1].script")
    assert len(parse(long_script(SCENARIO_BYTES_MAX // 2)).agents[0].script) > 20_000
