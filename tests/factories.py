"""Builders shared by tests: what a test does not care about has a default."""

from __future__ import annotations

from econsim.domain.agent.active_run import ActiveRun, active_run
from econsim.domain.audit.envelope import Envelope
from econsim.schemas.clock import RunOpened, RunOpenedEvent
from econsim.schemas.market import OrderAccepted, OrderCancelled, OrderRejected, TradeExecuted
from econsim.schemas.orders import Action, OrderKind, Verb
from econsim.schemas.scenario import Scenario
from econsim.subjects import RUN_OPENED

NOON = "1970-01-01T12:00:00.000000000Z"


def bid(agent, order_id, price, quantity=1, kind=OrderKind.LIMIT):
    return Action(Verb.BID, agent, order_id, price, quantity, kind)


def ask(agent, order_id, price, quantity=1, kind=OrderKind.LIMIT):
    return Action(Verb.ASK, agent, order_id, price, quantity, kind)


def cancel(agent, order_id):
    return Action(Verb.CANCEL, agent, order_id)


def replace_order(agent, order_id, new_order_id, price, quantity=1):
    return Action(Verb.REPLACE, agent, order_id, price, quantity, new_order_id=new_order_id)


def trades(items):
    return [item for item in items if isinstance(item, TradeExecuted)]


def accepted_ids(items):
    return [item.order_id for item in items if isinstance(item, OrderAccepted)]


def codes(items):
    """Return (order, code) of every refusal."""
    return [(item.order_id, item.code) for item in items if isinstance(item, OrderRejected)]


def reasons(items):
    """Return (order, open units, reason) of every cancel."""
    return [(item.order_id, item.quantity, item.reason) for item in items if isinstance(item, OrderCancelled)]


def role(side, resource="cpu", **schedule):
    """Return a role as a scenario file writes it."""
    return {"resource": resource, "side": side, **schedule}


def group(name, policy="zi_c", **fields):
    """Return an agents group as a scenario file writes it."""
    return {"name": name, "policy": policy, **fields}


def scenario(*groups, resources=("cpu",), **fields):
    """Return a scenario of these groups; markets are limit order books unless `markets` says more."""
    markets = [{"resource": resource} for resource in resources]
    return Scenario.model_validate({"name": "test", "markets": markets, "agents": groups, **fields})


def run_opened(wanted, run="run", salt="salt") -> RunOpenedEvent:
    """Return the opening event of a run of a scenario."""
    data = RunOpened(scenario=wanted, salt=salt)
    return RunOpenedEvent.model_validate(Envelope(run, salt, 0, NOON).event(RUN_OPENED, "clock", data).event)


def active(wanted, run="run", salt="salt") -> ActiveRun:
    """Return an open run of a scenario."""
    return active_run(run_opened(wanted, run, salt))
