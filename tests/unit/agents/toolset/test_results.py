"""Results of tools: exact for every reader, harmless in a terminal, errors with a remedy."""

from decimal import Decimal

import pytest

from econsim.agents.toolset.results import error_object, json_value, result_object, text_of
from econsim.agents.views import MarketRole, Money, Units, Wallet
from econsim.errors import NotAllowed, QuotaExceeded
from econsim.schemas.orders import Side


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("2.180000", "2.18"),
        ("100", "100"),
        ("0", "0"),
        ("0.000001", "0.000001"),
        ("9007199254.740993", "9007199254.740993"),
    ],
)
def test_an_amount_is_decimal_text_without_an_exponent(amount, text):
    assert json_value(Decimal(amount)) == text


def test_an_integer_that_some_readers_would_round_is_text():
    assert json_value([2**53 - 1, 2**53]) == [2**53 - 1, str(2**53)]


def test_a_wallet_shows_what_is_available_too():
    wallet = Wallet(Money(Decimal(5), Decimal(2), Decimal(1)), {"cpu": Units(3, 1)})

    found = result_object(wallet)

    assert found["credits"] == {"owned": "5", "reserved": "2", "debt": "1", "available": "3", "net": "4"}
    assert found["holdings"] == {"cpu": {"owned": 3, "reserved": 1, "available": 2}}


def test_words_are_text_and_a_list_becomes_an_object():
    role = MarketRole(Side.BID, (Decimal("3.20"),))

    assert result_object([role]) == {"items": [{"side": "bid", "values": ["3.2"], "tax": "0"}]}


def test_text_that_steers_a_terminal_or_turns_writing_is_only_seen():
    assert text_of({"note": "\x1b[2J\u202e"}) == '{"note": "\\u001b[2J\\u202e"}'


def test_an_error_says_code_time_to_wait_and_remedy():
    error = error_object(QuotaExceeded(retry_after_ms=700, code="publish_rate_is_exceeded"))["error"]

    assert (error["code"], error["retryable"], error["retry_after_ms"]) == (
        "publish_rate_is_exceeded",
        True,
        700,
    )
    assert error["remedy"]


def test_a_remedy_for_a_model_has_no_links_to_pages():
    assert "](" not in error_object(NotAllowed())["error"]["remedy"]
