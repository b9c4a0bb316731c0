"""Which tools agents may call: those that the operator offers and the server has, as far as its words can be taken."""

import pytest
from tool_builders import SCHEMA, table

from econsim.domain.mcp.terms import TOOLS_MAX, listing_digest, listings, require_server
from econsim.errors import NotFound
from econsim.schemas.mcp import ListedTool


def listed(*tools, **fields):
    return listings("search", table(**fields), [ListedTool(*tool) for tool in tools])


def test_a_tool_that_is_not_offered_is_left_out():
    found, faults = listed(("find", "", SCHEMA), ("delete", "", SCHEMA))

    assert ([*found], faults) == (["find"], {})


def test_other_tools_have_the_terms_of_others():
    found, _ = listed(("find", "", SCHEMA), ("delete", "", SCHEMA), other_tools={"price": 2})

    assert {name: tool.price for name, tool in found.items()} == {"find": 250_000, "delete": 2_000_000}


@pytest.mark.parametrize(
    ("tool", "fault"),
    [
        (("a b", "", SCHEMA), "no name of a tool"),
        (("loop", "", {"$ref": "#"}), "leads back to itself"),
        (("away", "", {"$ref": "http://elsewhere/schema"}), "points outside"),
        (("wrong", "", {"type": "no such type"}), "not valid"),
    ],
)
def test_a_tool_whose_words_cannot_be_taken_is_not_offered(tool, fault):
    found, faults = listed(tool, other_tools={"price": 1})

    assert found == {}
    assert fault in faults[tool[0]]


def test_a_description_is_cut_and_the_first_of_two_tools_of_one_name_counts():
    found, _ = listed(("find", "x" * 10_000, SCHEMA), ("find", "second", SCHEMA))

    assert len(found["find"].description) == 2_000


def test_tools_beyond_the_limit_are_left_out():
    found, _ = listed(*((f"find{n}", "", SCHEMA) for n in range(TOOLS_MAX + 1)), other_tools={"price": 1})

    assert len(found) == TOOLS_MAX
    assert f"find{TOOLS_MAX}" not in found


def test_the_digest_changes_with_schema_and_price():
    one, _ = listed(("find", "", SCHEMA))
    other, _ = listed(("find", "", {"type": "object"}))
    dear, _ = listed(("find", "", SCHEMA), terms={"price": 9})

    assert len({listing_digest(each) for each in (one, other, dear)}) == 3


def test_an_unknown_server_is_named_with_those_there_are():
    with pytest.raises(NotFound, match="there are search"):
        require_server({"search": table()}, "serch")
