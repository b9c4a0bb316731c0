"""Ids of external agents' orders: scoped by the agent's name, and nobody else's."""

import pytest

from econsim.domain.market.order_ids import is_scoped, scoped_order_id
from econsim.errors import InvalidMessage, NotAllowed


def test_an_order_id_is_scoped_by_its_agents_name():
    assert scoped_order_id("anna", "o") == "anna.o"


def test_a_scoped_id_stays_as_it_is():
    assert scoped_order_id("anna", "anna.o") == "anna.o"


def test_another_agents_order_is_refused():
    with pytest.raises(NotAllowed, match="is bert's, not anna's"):
        scoped_order_id("anna", "bert.o")


def test_an_own_id_is_at_most_a_token():
    assert scoped_order_id("anna", "o" * 64) == f"anna.{'o' * 64}"
    with pytest.raises(InvalidMessage, match="has 65 characters"):
        scoped_order_id("anna", "o" * 65)


@pytest.mark.parametrize(("order_id", "external"), [("anna.o", True), ("o", False)])
def test_only_external_agents_orders_are_scoped(order_id, external):
    assert is_scoped(order_id) is external
