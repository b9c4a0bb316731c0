"""The economic service as an agent calls it: orders, balances, prices, and the outcomes of orders.

Prices and balances are in credits (`1.25`), converted exactly; micro-credits stay on the wire.
Core NATS only: an agent needs no JetStream rights. The client makes every id, so every call is idempotent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.nats.rpc import NO_SERVICE, refusal
from econsim.agents.channel import AgentChannel
from econsim.agents.outcomes import Outcome, Outcomes
from econsim.agents.views import (
    CreditsLike,
    MarketDepth,
    PriceQuote,
    PrivateValues,
    Wallet,
    depth,
    quotes,
    to_micros,
    values,
    wallet,
)
from econsim.domain.agent.active_run import market_is_not_in_this_run
from econsim.domain.audit.envelope import derived_id
from econsim.domain.market.order_ids import scoped_order_id
from econsim.errors import EconsimError, InvalidMessage, NotFound
from econsim.schemas import values as schemas
from econsim.schemas.base import Command, ErrorReply, validated_message
from econsim.schemas.execute import Execute, Executed, Receipt
from econsim.schemas.ledger import Balance, GetBalance
from econsim.schemas.market import Book, GetBook, GetPrices, Prices
from econsim.schemas.money import format_credits
from econsim.schemas.orders import CancelOrder, OrderKind, PlaceAsk, PlaceBid, ReplaceOrder
from econsim.schemas.subject import Subject
from econsim.schemas.types import PRICE_MAX

OUTCOME_TIMEOUT_S: Final = 30.0
"""Seconds `outcome` waits by default: in lock-step a tick lasts as long as its slowest agent."""

Result = Wallet | MarketDepth | dict[str, PriceQuote] | Receipt | EconsimError
"""Result of one action of `execute_trade`; the result of a refused action is its error, as a value."""


class EconomicService:
    """One agent's access to markets and ledger.

    A receipt means that the command is stored and will be processed once. It does not mean that the market accepted
    the order: `outcome`, `outcomes` and `take_outcomes` report that. A call waits while the agent is over a rate limit or a queue
    is full, for 30 seconds at most by default; the receipt says how long it waited. Every call raises InvalidMessage for
    a malformed argument before anything is sent, Refused (by kind) when the service refuses, NotFound if the run or
    market does not exist, and Unavailable when no answer came: the effect is then unknown, so call again with the
    same id.
    """

    def __init__(self, channel: AgentChannel) -> None:
        """Use an agent's channel; `start` the service to receive outcomes."""
        self._channel = channel
        self._outcomes = Outcomes(channel.client, channel.agent)
        self._salt = random_id()

    async def start(self) -> None:
        """Receive the outcomes of the agent's orders from now on."""
        await self._outcomes.start()

    async def stop(self) -> None:
        """Stop receiving outcomes."""
        await self._outcomes.stop()

    async def place_bid(
        self,
        resource: str,
        price: CreditsLike,
        quantity: int = 1,
        *,
        kind: OrderKind | str = OrderKind.LIMIT,
        order_id: str | None = None,
    ) -> Receipt:
        """Offer to buy at `price` credits a unit or less."""
        terms = _terms(price, quantity, kind)
        return await self._place(subjects.PLACE_BID, PlaceBid, resource, order_id, terms)

    async def place_ask(
        self,
        resource: str,
        price: CreditsLike,
        quantity: int = 1,
        *,
        kind: OrderKind | str = OrderKind.LIMIT,
        order_id: str | None = None,
    ) -> Receipt:
        """Offer to sell at `price` credits a unit or more."""
        terms = _terms(price, quantity, kind)
        return await self._place(subjects.PLACE_ASK, PlaceAsk, resource, order_id, terms)

    async def cancel_order(self, resource: str, order_id: str) -> Receipt:
        """Cancel a resting order of the agent."""
        command = validated_message(CancelOrder, command_id=random_id(), order_id=order_id)
        return await self._send(subjects.CANCEL_ORDER, resource, command, order_id)

    async def replace_order(
        self,
        resource: str,
        order_id: str,
        price: CreditsLike,
        quantity: int = 1,
        *,
        new_order_id: str | None = None,
    ) -> Receipt:
        """Cancel a resting order of the agent and place another on the same side; the receipt names the new order."""
        new = new_order_id or self.new_order_id()
        command = validated_message(
            ReplaceOrder,
            command_id=derived_id(self._salt, resource, order_id, new, str(price), quantity),
            order_id=order_id,
            new_order_id=new,
            price=_price(price),
            quantity=quantity,
        )
        return await self._send(subjects.REPLACE_ORDER, resource, command, new)

    async def get_balance(self) -> Wallet:
        """Return the agent's balances, reservations included."""
        return wallet(await self._channel.ask(subjects.GET_BALANCE, GetBalance(), Balance))

    async def get_values(self) -> PrivateValues:
        """Return the agent's private values of units in the period of the newest tick, and the credits it was dealt."""
        return values(await self._channel.ask(subjects.GET_VALUES, schemas.GetValues(), schemas.Values))

    async def get_prices(self) -> dict[str, PriceQuote]:
        """Return the public prices of every market, by resource."""
        return quotes(await self._channel.ask(subjects.GET_PRICES, GetPrices(), Prices))

    async def get_book(self, resource: str, levels: int = 10) -> MarketDepth:
        """Return the order book of a market, best prices first."""
        request = validated_message(GetBook, levels=levels)
        try:
            return depth(await self._channel.ask(subjects.GET_BOOK, request, Book, resource=resource))
        except NotFound as error:
            if error.error_code == NO_SERVICE:
                await self._require_market(resource)
            raise

    async def _require_market(self, resource: str) -> None:
        """Raise NotFound if the run has no such market: nobody answers for one that there is while its worker is away, too."""
        markets = await self.get_prices()
        if resource not in markets:
            raise market_is_not_in_this_run(resource, self._channel.run, markets)

    async def execute_trade(self, actions: Sequence[Mapping[str, object]]) -> list[Result]:
        """Execute several actions in one round trip, in order; return one result for each.

        An action is `{"do": "get_balance" | "get_prices" | "get_book" | "place_bid" | "place_ask" | "cancel_order"}`
        with `resource`, `price` (credits), `quantity`, `kind` and `order_id` as the method of that name takes
        them. An order without an id gets one. Reads show the state before the orders of this request.
        """
        request = validated_message(Execute, actions=[self._wire_action(action) for action in actions])
        done = await self._channel.ask(subjects.EXECUTE, request, Executed)
        return [_result(step.do, found) for step, found in zip(request.steps, done.results, strict=True)]

    def outcomes(self) -> AsyncIterator[Outcome]:
        """Yield the outcomes of the agent's orders as they arrive; needs `start`."""
        return self._outcomes.all()

    def take_outcomes(self) -> list[Outcome]:
        """Take the outcomes that arrived since the last call, without waiting; in lock-step, those of the last tick."""
        return self._outcomes.take_outcomes()

    async def outcome(self, order_id: str, timeout_s: float = OUTCOME_TIMEOUT_S) -> Outcome:
        """Wait for the first outcome of an order, accepted or rejected, and return it.

        In lock-step the outcome comes only after the tick is closed, so do not wait for it within the tick. Raises
        Unavailable after `timeout_s` seconds.
        """
        return await self._outcomes.first(scoped_order_id(self._channel.agent, order_id), timeout_s)

    def new_order_id(self) -> str:
        """Return an unused order id; in the run the order's id is `<agent>.<id>`."""
        return scoped_order_id(self._channel.agent, random_id())

    async def _place(
        self,
        subject: Subject,
        model: type[PlaceBid | PlaceAsk],
        resource: str,
        order_id: str | None,
        terms: Mapping[str, object],
    ) -> Receipt:
        order_id = order_id or self.new_order_id()
        # The command id is derived from the content: the same order sent twice is one message (deduplication), and
        # the same order id with other terms is another message, which the service refuses.
        content = (subject.template, resource, order_id, *map(str, terms.values()))
        command = validated_message(
            model, command_id=derived_id(self._salt, *content), order_id=order_id, **terms
        )
        return await self._send(subject, resource, command, order_id)

    async def _send(self, subject: Subject, resource: str, command: Command, order_id: str) -> Receipt:
        before = self._channel.waited_ms
        ack = await self._channel.send(subjects.ENTER_ORDER[subject], command, resource=resource)
        return Receipt(
            order_id=scoped_order_id(self._channel.agent, order_id),
            duplicate=ack.duplicate,
            waited_ms=self._channel.waited_ms - before,
        )

    def _wire_action(self, action: Mapping[str, object]) -> dict[str, object]:
        """Return an action in the form of the wire: prices in micro-credits, orders with an id and a quantity."""
        found = dict(action)
        if str(found.get("do", "")).startswith("place_"):
            found = {"order_id": self.new_order_id(), "quantity": 1} | found
        price = found.get("price")
        if isinstance(price, CreditsLike | int):
            found["price"] = to_micros(price)
        return found


def _terms(price: CreditsLike, quantity: int, kind: OrderKind | str) -> dict[str, object]:
    """Return the fields of a new order besides its ids."""
    return {"price": _price(price), "quantity": quantity, "kind": kind}


def _price(credits_: CreditsLike) -> int:
    """Return the price of a unit in micro-credits; raises InvalidMessage for one that no order may have."""
    price = to_micros(credits_)
    if not 0 < price <= PRICE_MAX:
        message = f"price: {credits_} credits is not above 0 and at most {format_credits(PRICE_MAX)}"
        raise InvalidMessage(message)
    return price


def _result(do: str, found: dict[str, object]) -> Result:
    if "error" in found:
        return refusal(ErrorReply.model_validate(found).error)
    match do:
        case "get_balance":
            return wallet(Balance.model_validate(found, strict=False))
        case "get_prices":
            return quotes(Prices.model_validate(found, strict=False))
        case "get_book":
            return depth(Book.model_validate(found, strict=False))
        case _:
            return Receipt.model_validate(found)
