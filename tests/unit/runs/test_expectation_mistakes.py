"""Mistakes in a file's expectations on events: each is one line with file, line, key and remedy, the nearest name in it.

Catches: an expectation of what there is not, which would hold for ever; a bound in no unit; money in micro-credits.
"""

import pytest

from econsim.errors import InvalidExpectation, ScenarioError
from econsim.runs.scenario_file import parse

HEAD = """name = "a"
[[markets]]
resource = "cpu"
[[agents]]
name = "buyer"
policy = "zi_c"
count = 2
roles = [{ resource = "cpu", side = "bid", first = 1, last = 1 }]
[[expectations]]
"""
LINE = HEAD.count("\n")  # that of the table's header

TRADE = 'event = { type = "trade_executed" }'
BOUND = "within = { ticks = 5 }"


def complaint(text):
    with pytest.raises(ScenarioError) as caught:
        parse(HEAD + text, "f.toml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('form = "hapens"', "form 'hapens' is not among the forms; did you mean 'happens'?"),
        ('form = "always"\nx = 1', "is not among the forms"),
        (TRADE, 'form is missing; add a line form = "never"'),
        (
            'form = "sequence"\nmax_gap = { ticks = 1 }\nevents = [{ type = "ticked" }]',
            "a sequence has fewer than two events; name at least two",
        ),
        (f'form = "happens"\n{TRADE}', "within: is missing; add a line within = …"),
        (
            f'form = "happens"\n{TRADE}\nwithin = {{}}',
            "bound has no unit; give exactly one of ticks, ms and events",
        ),
        (
            f'form = "happens"\n{TRADE}\nwithin = {{ ticks = 1, ms = 2 }}',
            "bound has ticks and ms; give exactly one",
        ),
        (
            f'form = "happens"\n{TRADE}\nwithin = {{ tick = 1 }}',
            "tick: is not a key of this table; did you mean 'ticks'?",
        ),
        (
            f'form = "happens"\n{TRADE}\nwithin = {{ ticks = -1 }}',
            "within.ticks: -1 is too small; write a number from 0",
        ),
        (f'form = "happens"\n{TRADE}\nwithin = 5', "5 is no table"),
        (f'form = "never"\n{TRADE}\nwhen = 1', "when: is not a key of this table"),
        (
            f'form = "at_least"\n{TRADE}\ntimes = 0',
            "times: at_least 0 times always holds; give at least 1, or write `never`",
        ),
        (
            f'form = "exactly"\n{TRADE}\ntimes = 1\nper = {{ ms = 5 }}',
            "exactly cannot be counted per ms; give per in ticks",
        ),
        *(
            (
                f'form = "{form}"\n{TRADE}\ntimes = 1\nper = {{ ticks = 0 }}',
                "per is a window of 0 ticks, in which nothing can happen; give at least 1",
            )
            for form in ("at_most", "at_least")
        ),
        *(
            (
                f'form = "{form}"\n{TRADE}\nwithin = {{ ticks = 0 }}{more}',
                "within: 0 ticks from the run's start end before anybody can act; give at least 1",
            )
            for form, more in (("happens", ""), ("never", ""), ("until", '\nuntil = { type = "ticked" }'))
        ),
        (
            'form = "stable"\nkey = "cpu.price"\nlasting = { ticks = 0 }\nband = 1',
            "lasting is a part of 0 ticks, in which no state can change; give at least 1",
        ),
        ('form = "state"\nkey = "cpu.price"\nvalue = 1', "state is looked at nowhere; give one of them"),
        (
            'form = "before"\nfirst = { type = "ticked" }\n' + TRADE + '\nsame = ["tick"]',
            "before has same and no bound",
        ),
        ('form = "gini"\nvalue = {}', "constraint is empty; write an operator and a value"),
        ('form = "gini"\nvalue = { "=<" = 1 }', "is no operator; write one of < <="),
        ('form = "gini"\nvalue = { "<" = "1" }', "'1' does not go with '<'; compare with a number"),
        ('form = "gini"\nvalue = { "between" = [2, 1] }', "give two numbers, the lower first"),
        *(
            (f'form = "gini"\nvalue = {{ {impossible} }}', "no value is")
            for impossible in (
                '">" = 2, "<" = 1',
                '">=" = 1, "<" = 1',
                '"between" = [1, 2], ">" = 2',
                '"==" = 1, "!=" = 1',
                '"in" = [1, 2], ">" = 3',
            )
        ),
        (
            'form = "gini"\nvalue = { "in" = [] }',
            "[] does not go with 'in'; give a list of at least one value",
        ),
        ('form = "gini"\nvalue = { ">" = nan }', "nan does not go with '>'; compare with a finite number"),
        ('form = "gini"\nvalue = { "between" = [1, inf] }', "compare with a finite number"),
        (f'form = "happens"\n{TRADE}\nwithin = {{ ms = inf }}', "inf is no number that can be measured"),
        (
            'form = "stable"\nkey = "cpu.price"\nlasting = { ticks = 5 }\nband = nan',
            "is no number that can be",
        ),
        *(
            (f'form = "solvent"\nname = "a{sign}b"', "has a character that nobody sees; leave it out")
            for sign in ("\\u001b", "\\u0000", "\\u202e")
        ),
        ('form = "limit_prices"\nresource = "gpu"', "'gpu' is not among the markets; did you mean 'cpu'?"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_remedy(text, says):
    error = complaint(text)

    assert says in str(error)
    assert "\n" not in str(error)
    assert LINE <= int(error.details["line"]) <= LINE + 1 + text.count("\n")


@pytest.mark.parametrize("value", ['"in" = [1, 2], ">" = 1', '">=" = 1, "<=" = 1', '"==" = 0', '"!=" = 3'])
def test_a_constraint_that_some_value_meets_is_taken(value):
    assert parse(f'{HEAD}form = "gini"\nvalue = {{ {value} }}').expectations


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ('type = "trade_executd"', "is no event of the catalog; did you mean 'market.trade_executed'"),
        ('type = "agent.buyer_001.eror"', "is no event of the catalog; did you mean"),
        (
            'type = "market.gpu.trade_executed"',
            "there is no market 'gpu' in this scenario; did you mean 'cpu'?",
        ),
        (
            'type = "agent.buyer_003.bid_placed"',
            "there is no agent 'buyer_003' in this scenario; did you mean 'buyer_00",
        ),
        (
            'type = "trade_executed", where = { prise = 1 }',
            "'prise' is no field of market.trade_executed; did you mean 'price'?",
        ),
        ('type = "tick_cleared", where = { "quote.bids" = 1 }', "did you mean 'bid'?"),
        (
            'type = "transfer_posted", where = { "transfers.credit" = "fiscal_state" }',
            "transfers is a list, whose entries are transfers.0, transfers.1 and so on",
        ),
        ('type = "transfer_posted", where = { "transfers.0.kredit" = "x" }', "did you mean 'credit'?"),
        ('type = "trade_executed", where = { "price.high" = 1 }', "price has no fields below it"),
        (
            'type = "trade_executed", where = { price = 2000000 }',
            "money is in credits here, and 2000000 micro-credits are 2",
        ),
        (
            'type = "trade_executed", where = { buyer = { ">" = 2 } }',
            "buyer is text, which does not go with '>'; write one of == != in matches",
        ),
        (
            'type = "trade_executed", where = { buyer = "buyer_01" }',
            "buyer is compared with 'buyer_01', and there is no such agent in this scenario; did you mean 'buyer_001'",
        ),
        ('type = "order_rejected", where = { actor = { in = ["buyer_001", "bob"] } }', "compared with 'bob'"),
        ('type = "trade_executed", where = { buyer = 2 }', "buyer is text, and '==' compares it with 2"),
        ('type = "trade_executed", where = { taker = { in = ["bid", 1] } }', "'in' compares it with 1"),
        (
            'type = "trade_executed", where = { price = "2" }',
            "price is a number, and '==' compares it with '2'",
        ),
        ('type = "trade_executed", where = { quantity = true }', "compares it with True; give a number"),
        ('type = "trade_executed", where = { price = { matches = "2" } }', "does not go with 'matches'"),
        ('type = "tick_cleared", where = { period_closed = 1 }', "compares it with 1; give true or false"),
        ('type = "tick_cleared", where = { "quote.bid" = "1" }', "quote.bid is a number"),
        (
            'type = "trade_executed", where = { buyer = { "matches" = "(" } }',
            "correct the regular expression",
        ),
    ],
)
def test_what_there_is_not_is_refused_with_the_nearest_name(event, says):
    error = complaint(f'form = "never"\nevent = {{ {event} }}')

    assert says in str(error)
    assert LINE <= int(error.details["line"]) <= LINE + 2


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("buyer_001.balanse", "did you mean 'buyer_001.balance'?"),
        ("buyer_009.balance", "names 'buyer_009', which there is not; did you mean 'buyer_00"),
        ("buyer_001.holdings.gpu", "names 'gpu', which there is not; did you mean 'cpu'?"),
        ("gpu.price", "did you mean 'cpu'?"),
        ("{actor}.balance", "has places in braces, which only an event can fill"),
    ],
)
def test_a_key_of_no_state_is_refused(key, says):
    assert says in str(complaint(f'form = "state"\nat_event_seq = 5\nkey = "{key}"\nvalue = 1'))


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ('form = "sum"\nfield = "buyer"\nvalue = 1\n' + TRADE, "buyer is text, which does not add up"),
        ('form = "sum"\nfield = "actor"\nvalue = 1\n' + TRADE, "actor is text, which does not add up"),
        ('form = "gini"\nvalue = "low"', "value is a number, and '==' compares it with 'low'"),
    ],
)
def test_what_is_no_number_is_not_added_or_measured(form, says):
    assert says in str(complaint(form))


def test_the_error_of_an_expectation_is_of_its_own_kind():
    with pytest.raises(ScenarioError):
        raise InvalidExpectation

    assert InvalidExpectation().error_code == "expectation_is_invalid"
