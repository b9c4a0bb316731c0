"""Answers about several markets: public prices, and `execute_trade`, several actions in one round trip."""

from __future__ import annotations

import asyncio
from typing import Final

import nats.js.errors
from pydantic import ValidationError

from econsim import subjects
from econsim.adapters.nats.connection import reliable_publish
from econsim.adapters.nats.rpc import ask
from econsim.domain.admission.orders import check_agent
from econsim.domain.admission.quota import QuotaKind
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.envelope import derived_id
from econsim.domain.market.order_ids import scoped_order_id
from econsim.errors import EconsimError, InvalidMessage
from econsim.schemas.base import Command, Message, validation_message
from econsim.schemas.execute import Execute, Executed, Receipt, Step
from econsim.schemas.ledger import Balance, GetBalance
from econsim.schemas.market import Book, GetBook, Prices, PriceUpdatedEvent, Quote
from econsim.schemas.orders import CancelOrder, PlaceAsk, PlaceBid
from econsim.services.context import ServiceContext
from econsim.services.handlers import error_reply
from econsim.streams import MARKET_PRICES

ORDER_SUBJECTS: Final = {
    "place_bid": subjects.PLACE_BID,
    "place_ask": subjects.PLACE_ASK,
    "cancel_order": subjects.CANCEL_ORDER,
}
"""Names of the actions that are commands → their subjects."""


async def current_prices(context: ServiceContext, run: ActiveRun) -> Prices:
    """Return the newest public quote of every market of a run, from bucket `market_prices`."""
    quotes = await asyncio.gather(*(_quote(context, run.name, resource) for resource in run.markets))
    return Prices(prices=dict(zip(run.markets, quotes, strict=True)))


async def execute(context: ServiceContext, run: ActiveRun, agent: str, request: Execute) -> Executed:
    """Do every action as the agent; a refused one does not stop the others."""
    results = []
    for place, step in enumerate(request.steps):
        try:
            if place:  # the request itself is counted already
                await context.meter.take(QuotaKind.PUBLISH_RATE, run.name, agent)
            result: Message = await _do_step(context, run, agent, step)
        except EconsimError as error:
            result = error_reply(error)
        results.append(result.model_dump(mode="json"))
    return Executed(results=tuple(results))


async def _quote(context: ServiceContext, run: str, resource: str) -> Quote:
    try:
        stored = await context.jetstream.get_last_msg(
            MARKET_PRICES.name, f"$KV.market_prices.{resource}.{run}", direct=True
        )
    except nats.js.errors.NotFoundError:
        return Quote()
    return PriceUpdatedEvent.model_validate_json(stored.data or b"").data.quote


async def _do_step(context: ServiceContext, run: ActiveRun, agent: str, step: Step) -> Message:
    check_agent(run, agent)
    client = context.client
    if step.do == "get_balance":
        subject = subjects.GET_BALANCE(run=run.name, agent=agent)
        return await ask(client, subject, GetBalance(), Balance)
    if step.do == "get_prices":
        return await current_prices(context, run)
    resource = run.market(step.resource or "").resource
    if step.do == "get_book":
        subject = subjects.GET_BOOK(run=run.name, agent=agent, resource=resource)
        return await ask(client, subject, GetBook(), Book)
    command = _command(run, agent, step)
    order_id = scoped_order_id(agent, step.order_id or "")
    await context.meter.take(QuotaKind.ORDER_RATE, run.name, agent)
    context.depth.take(run.name, agent)
    subject = ORDER_SUBJECTS[step.do](run=run.name, agent=agent, resource=resource)
    payload = command.model_dump_json().encode()
    ack = await reliable_publish(context.jetstream, subject, payload, command.command_id)
    return Receipt(order_id=order_id, duplicate=bool(ack.duplicate))


def _command(run: ActiveRun, agent: str, step: Step) -> Command:
    """Return the command of an action; its id derives from its terms, so a repeated request sends the same commands (idempotent)."""
    if step.order_id is None:
        message = f"action {step.do} needs an order_id"
        raise InvalidMessage(message)
    terms = (step.resource or "", step.order_id, step.price or 0, step.quantity or 0, step.kind)
    id_ = derived_id(run.data.salt, step.do, agent, *terms)
    if step.do == "cancel_order":
        return CancelOrder(command_id=id_, order_id=step.order_id)
    if step.price is None or step.quantity is None:
        message = f"action {step.do} needs a price and a quantity"
        raise InvalidMessage(message)
    model = PlaceBid if step.do == "place_bid" else PlaceAsk
    try:
        return model(
            command_id=id_,
            order_id=step.order_id,
            price=step.price,
            quantity=step.quantity,
            kind=step.kind,
        )
    except ValidationError as error:
        raise InvalidMessage(validation_message(error)) from None
