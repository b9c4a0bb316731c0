"""The subject taxonomy: one table of every subject there is.

Streams, the AsyncAPI catalog, server permissions, agents' accounts and the docs page are generated from
TABLE. What a subject is made of is `schemas/subject.py`'s.
"""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject, SubjectKind
from econsim.schemas.subject_rows import (
    LOG,
    QUEUE,
    command,
    entry,
    event,
    operator,
    own_account,
    request,
    reserved,
)

AUDIT: Final = LOG
ORDERS: Final = QUEUE

PLACE_BID: Final = command("place_bid", "PlaceBid", "An admitted offer to buy.")
PLACE_ASK: Final = command("place_ask", "PlaceAsk", "An admitted offer to sell.")
CANCEL_ORDER: Final = command("cancel_order", "CancelOrder", "Take one's own resting order off the book.")
REPLACE_ORDER: Final = command(
    "replace_order", "ReplaceOrder", "Cancel one's own resting order and place another."
)
PLACE_ORDERS: Final = command(
    "place_orders", "PlaceOrders", "A trusted host's batch of its agents' actions for one tick."
)
CLOSE_TICK: Final = command(
    "close_tick", "CloseTick", "The clock's mark: every order of the tick lies before it in the queue."
)

ENTER_ORDER: Final = {
    row: entry(
        row.template.replace("market.", "agent.", 1),
        row.message,
        row.template.removesuffix(".{run}.{agent}"),
        f"{row.description.removesuffix('.').replace('An admitted offer', 'Offer')}, as an agent asks for it.",
    )
    for row in (PLACE_BID, PLACE_ASK, CANCEL_ORDER, REPLACE_ORDER)
}
"""Order command → how it enters from an agent's account; the reply is the command's durable PubAck."""
REPORT: Final = entry(
    "agent.{agent}.{event}.{run}.{agent}",
    "AgentReport",
    "agent.{agent}.{event}",
    "What an agent says of itself, in the past tense; admitted, it is an event of the log.",
)
DELEGATE: Final = entry(
    "agent.task.delegate.{run}.{agent}",
    "Reserved",
    "task.delegate",
    "Work for another agent. Reserved: there is no such service yet.",
    "EntryRefused",
)
CALL_TOOL: Final = entry(
    "agent.{server}.call_tool.{run}.{agent}",
    "Reserved",
    "mcp.request.{server}",
    "A call of an outside tool. Reserved: there is no such service yet.",
    "EntryRefused",
)

BATCH_OPENED: Final = event(
    "market",
    "market.{resource}.batch_opened.{run}",
    "BatchOpened",
    "In real time: which commands a batch takes in, settled before any has an effect.",
)
BID_ACCEPTED: Final = event(
    "market",
    "market.{resource}.bid_accepted.{run}",
    "Accepted",
    "Bids that hold their reservation and entered the book.",
)
ASK_ACCEPTED: Final = event(
    "market",
    "market.{resource}.ask_accepted.{run}",
    "Accepted",
    "Asks that hold their reservation and entered the book.",
)
ORDER_REJECTED: Final = event(
    "market",
    "market.{resource}.order_rejected.{run}",
    "Rejected",
    "Orders, cancels and replaces the market refused, each with its reason.",
)
TRADE_EXECUTED: Final = event(
    "market", "market.{resource}.trade_executed.{run}", "Traded", "Fills: units against credits."
)
ORDER_CANCELLED: Final = event(
    "market", "market.{resource}.order_cancelled.{run}", "Cancelled", "What was left of orders off the book."
)
TICK_CLEARED: Final = event(
    "market", "market.{resource}.tick_cleared.{run}", "TickCleared", "The end of a batch, with its summary."
)
TRADING_HALTED: Final = event(
    "market",
    "market.{resource}.trading_halted.{run}",
    "TradingHalted",
    "The end of a book that cannot settle; its run ends with it.",
)
PRICE_UPDATED: Final = event(
    "market",
    "market.{resource}.price_updated.{run}",
    "PriceUpdated",
    "The price of a market after a batch, published by the market once the batch is settled.",
    short="market.{resource}.price_updated",
)

ORDER_OUTCOME: Final = tuple(
    Subject(
        f"market.{{resource}}.{action}.{{run}}.{{agent}}",
        SubjectKind.DELIVERY,
        "market",
        told.message,
        short=f"market.{action}.{{resource}}",
        description=f"{told.description} Delivery to the one agent concerned.",
    )
    for told in (BID_ACCEPTED, ASK_ACCEPTED, ORDER_REJECTED, TRADE_EXECUTED, ORDER_CANCELLED)
    for action in (told.template.split(".")[2],)
)
ALL_PRICES: Final = Subject(
    "market.prices.price_updated.{run}.all",
    SubjectKind.BROADCAST,
    "market",
    "PriceUpdated",
    short="market.price_update",
    description="Every market's price on one subject, for agents that want them all.",
)
PUBLIC_SUMMARY: Final = Subject(
    "market.{resource}.tick_cleared.{run}.all",
    SubjectKind.BROADCAST,
    "market",
    "TickCleared",
    short="market.{resource}.tick_cleared",
    description="What agents are told of the end of a batch: the event without its place in the queue of all runs.",
)

TRANSFER_POSTED: Final = event(
    "ledger",
    "market.ledger.transfer_posted.{run}",
    "TransferPosted",
    "A journal entry of applied transfers, sourced from bucket `agent_state`.",
)
TRANSFER_REFUSED: Final = event(
    "ledger",
    "market.ledger.transfer_refused.{run}",
    "TransferRefused",
    "A journal entry of refused transfers, sourced from bucket `agent_state`.",
)

GET_PRICES: Final = request(
    "market",
    "market.prices.get_prices.{run}.{agent}",
    "GetPrices",
    "Prices",
    "Public prices of all markets of the run.",
    short="market.prices.get_prices",
)
GET_BOOK: Final = request(
    "market",
    "market.{resource}.get_book.{run}.{agent}",
    "GetBook",
    "Book",
    "Depth of one order book.",
    short="market.{resource}.get_book",
)
EXECUTE: Final = request(
    "market",
    "market.account.execute_trade.{run}.{agent}",
    "Execute",
    "Executed",
    "Several reads and orders in one round trip.",
    short="market.execute_trade",
)
GET_BALANCE: Final = own_account("get_balance", "GetBalance", "Balance", "The asking agent's positions.")
GET_VALUES: Final = own_account(
    "get_values", "GetValues", "Values", "The asking agent's private values and costs, and its endowment."
)
SUBMIT: Final = request(
    "ledger",
    "market.ledger.submit.{run}.{agent}",
    "Submit",
    "Submitted",
    "Apply chains of transfers; for services only.",
)
INVOKE_LLM: Final = reserved("system.llm.invoke.{run}.{agent}", "llm.invoke", "Think with a language model.")
USE_WORKSPACE: Final = reserved(
    "system.workspace.{operation}.{run}.{agent}", "workspace.{operation}", "Files of an agent."
)
USE_SOCIAL: Final = reserved(
    "system.social.{operation}.{run}.{agent}", "social.{operation}", "Ask a person or another agent."
)

PING: Final = request(
    "clock", "system.clock.ping.{run}.{agent}", "Ping", "Pong", "Tell that runs can be opened; for operators."
)

RUN_OPENED: Final = event("clock", "system.run.opened.{run}", "RunOpened", "A run began.")
RUN_CLOSED: Final = event("clock", "system.run.closed.{run}", "RunClosed", "A run ended.", "run.closed")
RUN_STOPPED: Final = event(
    "clock", "system.run.stopped.{run}", "RunStopped", "A run was stopped where it is."
)
RUN_RESUMED: Final = event("clock", "system.run.resumed.{run}", "RunResumed", "A stopped run goes on.")
PERIOD_OPENED: Final = event(
    "clock",
    "system.clock.period_opened.{run}",
    "PeriodOpened",
    "Endowments were dealt; a trading day begins.",
    "clock.period_opened",
)
PERIOD_CLOSED: Final = event(
    "clock",
    "system.clock.period_closed.{run}",
    "PeriodClosed",
    "Units were redeemed and costs paid; a trading day ended.",
    "clock.period_closed",
)
TICKED: Final = event(
    "clock",
    "system.clock.ticked.{run}",
    "Ticked",
    "A tick opened: every agent may act once.",
    "clock.ticked",
)
CYCLE_COMPLETED: Final = event(
    "agent",
    "agent.{agent}.cycle_completed.{run}",
    "CycleCompleted",
    "A host's agents, or one external agent, answered a tick.",
)
REPORTED: Final = event(
    "admission",
    "agent.{agent}.{event}.{run}",
    "Reported",
    "What an external agent said of itself, with what econsim knows of the agent.",
)

ADMISSION_REJECTED: Final = event(
    "admission",
    "system.admission.rejected.{run}",
    "AdmissionRejected",
    "Something was said or asked that its sender may not: who, where, why, how often.",
)
AGENT_SUSPENDED: Final = event(
    "admission",
    "system.agent.suspended.{run}",
    "AgentSuspended",
    "An agent sent far more than its share; its account is taken away.",
)
QUOTA_CHANGED: Final = event(
    "admin", "system.quota.changed.{run}", "QuotaChanged", "An operator changed what agents may take."
)
TRUST_CHANGED: Final = event(
    "admin",
    "system.operator.trust_changed.{run}",
    "TrustChanged",
    "Who holds the keys let an agent in or threw it out, granted a role, or replaced them all.",
)
CONNECTION_CHANGED: Final = event(
    "admin", "system.agent.connection_changed.{run}", "ConnectionChanged", "An agent connected, or has gone."
)
COMMANDED: Final = event(
    "admin",
    "system.operator.commanded.{run}",
    "Commanded",
    "An operator's command: who, what, and what came of it. The run is `none` for commands about no run.",
)
LETTER_BURIED: Final = event(
    "admin",
    "system.dead_letter.buried.{run}",
    "LetterBuried",
    "A message no handler could finish became a dead letter.",
)
LETTER_RETRIED: Final = event(
    "admin",
    "system.dead_letter.retried.{run}",
    "LetterRetried",
    "A dead letter was put back into its queue.",
)
LETTER_DROPPED: Final = event(
    "admin", "system.dead_letter.dropped.{run}", "LetterDropped", "A dead letter was given up for good."
)

OPEN_RUN: Final = operator(
    "clock",
    "run.open",
    "OpenRun",
    "RunOpenedEvent",
    "Start a run, or go on with a stopped one; its effect is `system.run.opened` or `system.run.resumed`.",
)
STOP_RUN: Final = operator(
    "clock", "run.stop", "StopRun", "RunStoppedEvent", "Stop a run; its effect is `system.run.stopped`."
)
CLOSE_RUN: Final = operator(
    "clock", "run.close", "CloseRun", "RunClosedEvent", "End a run; its effect is `system.run.closed`."
)
SET_QUOTA: Final = operator(
    "admin",
    "quota.set",
    "SetQuota",
    "Quotas",
    "Change what an agent, or every agent of a run, may take; its effect is `system.quota.changed`.",
)
TELL_TRUST: Final = operator(
    "admin",
    "trust.tell",
    "TellTrust",
    "TrustChangedEvent",
    "Have the log tell what was done with the keys; its effect is `system.operator.trust_changed`.",
)
RECORD_CONNECTION: Final = operator(
    "admin",
    "connection.record",
    "RecordConnection",
    "ConnectionChangedEvent",
    "Have the log tell whether an external agent is connected; its effect is `system.agent.connection_changed`.",
)
RETRY_LETTER: Final = operator(
    "admin", "dead_letter.retry", "RetryLetter", "LetterDone", "Put a dead letter back into its queue."
)
DROP_LETTER: Final = operator(
    "admin", "dead_letter.drop", "DropLetter", "LetterDone", "Give a dead letter up for good."
)

OF_RUNS: Final = ".".join((*RUN_OPENED.template.split(".")[:2], "*", "*"))
"""Pattern of every event about runs as such: opened, closed, stopped, resumed."""

COMPLETED: Final = CYCLE_COMPLETED.template.split(".")[2]
"""The report by which an external agent answers a tick."""

TABLE: Final = tuple(
    row
    for value in tuple(globals().values())
    for row in (
        value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
    )
    if isinstance(row, Subject)
)
"""Every subject there is, in the order of this file."""
