"""Descriptions of facts for people, one line each: `econsim why` and `econsim events` print them. Pure."""

from __future__ import annotations

import re
from typing import Final

from econsim.domain.audit.facts import Fact, Json
from econsim.schemas.ledger import format_amount
from econsim.schemas.money import format_credits

SENTENCES: Final = {
    "bid_accepted": "{agent} bids {lot}, order {order_id}",
    "ask_accepted": "{agent} asks {lot}, order {order_id}",
    "order_rejected": "{asked} was refused: {code}",
    "trade_executed": "{buyer} bought {lot} from {seller}, trade {trade_id}",
    "order_cancelled": "order {order_id} of {agent} came off the book, {quantity} {entity} left: {reason}",
    "transfer_posted": "chain {id}: {movements}",
    "transfer_refused": "chain {id} of {holder} was refused: {reason}",
    "tick_cleared": "{entity} cleared {orders} orders into {trades} trades",
    "batch_opened": "batch {batch} of {entity} takes in commands up to {last_sequence} of the queue",
    "trading_halted": "the book of {resource} stopped for good: {what}: {reason}",
    "price_updated": "price of {entity} is {credits}",
    "resource_allocated": "{agent} bought {units} units of {entity} to think with",
    "invoked": "{agent} asked {model} of {provider}: {ending}, for {credits} credits, receipt {id}",
    "file_written": "{actor} wrote {path}, version {version}, {size} bytes",
    "file_moved": "{actor} moved {moved_from} to {path}, version {version}",
    "file_deleted": "{actor} deleted {path}, version {version}",
    "completed": "{agent} called {tool} of {entity}: {ending}, for {credits} credits, receipt {id}",
    "failed": "{agent} called {tool} of {entity} without result: {failure}, for {credits} credits, receipt {id}",
    "tools_listed": "{entity} offers {offered}",
    "breaker_opened": "{entity} failed {failures} times in a row and rests: {message}",
    "breaker_closed": "{entity} answers again",
    "cognitive_cycles_started": "{number} agents of {entity} think at tick {tick}",
    "cognitive_cycles_completed": "{agent} {thought} at tick {cycle}, for {credits} credits",
    "cycle_completed": "{agents} agents of {entity} answered tick {tick}",
    "opened": "run {run} of scenario {scenario[name]} opened",
    "closed": "run {run} closed after {ticks} ticks{because}",
    "stopped": "run {run} stopped at tick {ticks}, period {periods}",
    "resumed": "run {run} went on at tick {ticks}",
    "ticked": "tick {tick} opened, period {period}",
    "period_opened": "period {period} opened",
    "period_closed": "period {period} closed",
    "commanded": "{who} asked for {command}: {code}; {wanted}",
    "trust_changed": "{how}",
    "connection_changed": "agent {agent} {connection}",
    "question_asked": "{asker} asks {whom}: {text}",
    "question_ended": "{question_id} is {state}{said}",
    "consent_changed": "{agent} {allows} the messages of {sender}",
    "message_posted": "{sender} writes to {recipient}: {text}",
    "task_delegated": "{delegator} delegates {task_id} to {taker} for {credits} credits: {text}",
    "task_offered": "{task_id} is offered, its price is reserved",
    "task_refused": "{task_id} was not offered: {code}",
    "task_advanced": "{agent}: {step} {task_id}{said}",
    "task_settled": "{task_id} is settled, {credits} credits paid",
    "changed": "the limits of {whom} were changed",
    "buried": "a message to {subject} is dead letter {sequence}: {code}; {reason}",
    "retried": "dead letter {sequence} went back to {subject}",
    "dropped": "dead letter {sequence} to {subject} was given up",
    "rejected": "{sender} may not send on {subject}: {code}",
    "suspended": "{agent} sent {received} messages a second, {allowed} are allowed: its account is taken away",
}
"""Sentences by action, the third token of the subject; they name fields of the data and of `_parts`."""

LINE_LENGTH_MAX: Final = 80
"""Characters of a text in a sentence."""

HOSTS_REPORTS: Final = frozenset(
    {"cycle_completed", "cognitive_cycles_started", "cognitive_cycles_completed"}
)
"""Actions of hosts' reports, names that no agent's own report may have."""

ASKED: Final = {
    "bid": "the bid of {agent} for {lot}, order {order_id},",
    "ask": "the ask of {agent} for {lot}, order {order_id},",
    "replace": "the replacement of order {replaces} of {agent} by {lot}, order {order_id},",
    "cancel": "the cancel of order {order_id} of {agent}",
    None: "order {order_id} of {agent}",
}
"""Descriptions of refused commands by verb; none is the verb of a command that cannot be read."""


def describe(fact: Fact) -> str:
    """Return one line about a fact, money in credits; a fact without a sentence is described by its type."""
    domain, _, action = fact.type.partition(".")
    if domain == "agent" and action not in HOSTS_REPORTS:
        # Agents name their own reports: one called `trade_executed` is no trade.
        return f"{fact.entity} reports {action}"
    sentence = SENTENCES.get(action)
    return sentence.format_map(_parts(fact)) if sentence else fact.type


def _parts(fact: Fact) -> Json:
    parts: Json = {"tick": fact.tick, "actor": fact.actor, **fact.data}
    parts |= {"entity": fact.entity, "run": fact.correlation_id}
    if "price" in parts:
        parts["credits"] = "unknown" if parts["price"] is None else format_credits(parts["price"])
        parts["lot"] = f"{parts.get('quantity', '')} {fact.entity} at {parts['credits']}"
    if "code" in parts and "order_id" in parts:
        parts["asked"] = ASKED[parts.get("verb")].format_map(parts)
    if "chain" in parts:
        parts["what"] = f"chain {parts['chain']} was refused" if parts["chain"] else "a batch failed"
    if "summary" in parts:
        parts["who"] = "operator" if parts["operator"] == "operator" else f"operator {parts['operator']}"
        parts["wanted"] = _plain(parts["summary"])
    if "connected" in parts:
        parts["connection"] = "connected" if parts["connected"] else "disconnected"
    if "change" in parts:
        parts["how"] = ": ".join(
            filter(None, (parts["change"].replace("_", " "), parts["who"], parts["reason"]))
        )
    if "journal_sequence" in parts:
        failure = parts.get("failure", "")
        parts["because"] = f": {failure}" if failure else ""
    if "quotas" in parts:
        parts["whom"] = parts["agent"] or "every agent"
    if "transfers" in parts:
        parts["movements"] = "; ".join(map(_movement, parts["transfers"]))
    return parts | _thought(parts) | _social_parts(parts)


def _social_parts(parts: Json) -> Json:
    """Return the parts of sentences about questions, messages and tasks; texts of agents on one printable line."""
    if not {"question_id", "message_id", "task_id", "is_allowed"} & parts.keys():
        return {}
    text = _line(parts.get("text") or parts.get("answer") or "")
    found: Json = {"text": text, "said": f": {text}" if text else ""}
    if "audience" in parts:
        found["whom"] = parts["asked"] or "a person"
    if "is_allowed" in parts:
        found["allows"] = "allows" if parts["is_allowed"] else "forbids"
    if "paid" in parts and "price" not in parts:
        found["credits"] = format_credits(parts["paid"])
    return found


def _line(text: str) -> str:
    """Return the beginning of a text as one line: an agent's control characters must not reach a terminal."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= LINE_LENGTH_MAX else f"{line[: LINE_LENGTH_MAX - 1]}…"


def _thought(parts: Json) -> Json:
    """Return the parts of sentences about agents that think."""
    if "prompt_digest" in parts:
        return {"ending": (parts["failure"] or "answered").replace("_", " ")}
    if "is_error" in parts:
        kept = "from the cache" if parts["cached"] else "answered"
        return {"ending": "the tool reports an error" if parts["is_error"] else kept}
    if "tools" in parts:
        return {"offered": f"{len(parts['tools'])} tools"}
    if "steps" in parts:
        failure = parts["failure"]
        return {"thought": f"was set aside: {failure}" if failure else f"thought, {parts['actions']} actions"}
    return {"number": len(parts["agents"])} if isinstance(parts.get("agents"), list) else {}


def _plain(summary: str) -> str:
    """Return a shortened JSON object without its punctuation and empty fields: it may be cut anywhere."""
    if not summary.startswith("{"):
        return summary
    text = re.sub(r',?\s*"\w+":\s*null', "", summary)
    text = re.sub(r'":\s*', " ", text)
    return re.sub(r"[{}\[\]\"]", "", re.sub(r",\s*", ", ", text)).strip(", ")


def _movement(transfer: Json) -> str:
    shown = format_amount(transfer["amount"], transfer["asset"])
    return f"{transfer['kind']} {shown} {transfer['asset']} {transfer['debit']} → {transfer['credit']}"
