"""The arguments of a call of a tool: what JSON holds, and what is refused before anything is paid."""

import pytest

from econsim.domain.mcp.request import canonical_json, receipt
from econsim.errors import InvalidMessage


def test_equal_arguments_have_one_text():
    assert canonical_json({"b": 1, "a": [2.5, "ü"]}) == canonical_json({"a": [2.5, "ü"], "b": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(InvalidMessage, match="params are not JSON"):
        canonical_json({"x": value})


def test_too_many_levels_are_refused():
    nested = []
    for _ in range(40):
        nested = [nested]

    with pytest.raises(InvalidMessage, match="levels of lists and objects"):
        canonical_json({"x": nested})


def test_a_receipt_is_the_same_in_every_run_and_differs_by_agent_and_id():
    receipts = {receipt("ana", "1.1"), receipt("ana", "1.2"), receipt("bob", "1.1")}

    assert len(receipts) == 3
    assert receipt("ana", "1.1") in receipts
