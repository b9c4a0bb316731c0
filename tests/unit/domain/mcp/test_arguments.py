"""Arguments of a tool as a person writes them."""

import pytest

from econsim.domain.mcp.arguments import written_arguments
from econsim.errors import InvalidMessage

SCHEMA = {"properties": {"name": {"type": "string"}, "count": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ([], {}),
        (['{"count": 2}'], {"count": 2}),
        (["count=2", "name=2"], {"count": 2, "name": "2"}),
        (["name=a=b", "other=[1, true]", "word=plain"], {"name": "a=b", "other": [1, True], "word": "plain"}),
    ],
)
def test_a_value_is_json_unless_the_tool_wants_text(words, arguments):
    assert written_arguments(words, SCHEMA) == arguments


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["UTC"], "'UTC' is no argument; write the arguments as one JSON object, or each as key=value"),
        (["=UTC"], "'=UTC' is no argument"),
        (["{1}"], "the arguments are no JSON object"),
        (["count=1", "count=2"], "argument 'count' is given twice"),
    ],
)
def test_other_words_are_refused_with_both_forms(words, sentence):
    with pytest.raises(InvalidMessage) as refused:
        written_arguments(words, SCHEMA)

    assert sentence in str(refused.value)


def test_a_schema_that_is_none_reads_json():
    assert written_arguments(["count=2"], {"properties": [1]}) == {"count": 2}
