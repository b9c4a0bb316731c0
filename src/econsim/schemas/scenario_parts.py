"""The tables of a scenario file below its groups: clock, markets, roles and scripted steps, each checked by itself."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from econsim.schemas.base import Message
from econsim.schemas.money import PriceCredits, UnitCredits, format_credits
from econsim.schemas.names import CHAINS_OF_THE_CLOCK, RESOURCES_RESERVED
from econsim.schemas.orders import Action, OrderKind, Side, Verb
from econsim.schemas.scenario_words import MechanismName, Mode, Rationing, Until
from econsim.schemas.types import (
    ORDER_ID_LENGTH_MAX,
    PERIODS_MAX,
    QUANTITY_MAX,
    TICKS_PER_PERIOD_MAX,
    Name,
    OrderId,
    Quantity,
    Tick,
)

RESOURCE_LENGTH_MAX: Final = 39
"""Characters in a resource's name: its clearing account `clearing_<resource>` is a name too."""

WRONG: Final = "scenario_is_wrong"
"""Type of the errors raised here; their context says what is wrong, the remedy, and at which key."""


def wrong(what: str, remedy: str, *at: int | str) -> PydanticCustomError:
    """Return an error at a key, given as a path from the table that is checked."""
    return PydanticCustomError(WRONG, "{what}; {remedy}", {"what": what, "remedy": remedy, "at": at})


class ScenarioPart(Message):
    """A table of a scenario file: TOML values are taken as they are, but for words and money, which are text there."""

    model_config = ConfigDict(strict=False)


class Clock(ScenarioPart):
    """How time passes."""

    mode: Mode = Mode.LOCK_STEP
    """`lock_step` (repeatable) or `real_time`."""
    periods: Annotated[int, Field(strict=True, ge=1, le=PERIODS_MAX)] = 1
    """Trading days: endowments are dealt again and books emptied at each."""
    ticks_per_period: Annotated[int, Field(strict=True, ge=1, le=TICKS_PER_PERIOD_MAX)] = 60
    """Ticks in a period, at most."""
    until: Until = Until.TICKS
    """When a period ends."""
    tick_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] = 100
    """Real time only: milliseconds between ticks."""
    deadline_ms: Annotated[int, Field(strict=True, ge=100, le=600_000)] = 60_000
    """Lock-step only: a tick is closed after this long, even if an agent has not answered."""


class Market(ScenarioPart):
    """One resource and the mechanism that trades it."""

    resource: Annotated[
        Name,
        Field(
            max_length=RESOURCE_LENGTH_MAX, json_schema_extra={"not": {"enum": sorted(RESOURCES_RESERVED)}}
        ),
    ]
    """What is traded, in whole units; no word of the system's own."""
    mechanism: MechanismName = MechanismName.CONTINUOUS_DOUBLE_AUCTION
    """How orders are matched."""
    tick_size: PriceCredits = 10_000
    """Prices are multiples of this."""
    lot_size: Quantity = 1
    """Quantities are multiples of this."""
    price_min: PriceCredits = 10_000
    """Lowest price allowed."""
    price_max: PriceCredits = 4_000_000
    """Highest price allowed."""
    open_orders_max: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 100
    """Open orders an agent may have on this book."""
    book_orders_max: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 200_000
    """Open orders on this book, over all agents."""
    window_ticks: Annotated[int, Field(strict=True, ge=1, le=TICKS_PER_PERIOD_MAX)] = 1
    """Call auction only: ticks between two clearings, counted in the period; its end clears too."""
    rationing: Rationing = Rationing.PRICE_TIME
    """Call auction only: who trades at the margin, `price_time` or `draw`."""

    @model_validator(mode="after")
    def check_resource(self) -> Self:
        """Refuse a resource whose name stands for something else."""
        if self.resource in RESOURCES_RESERVED:
            what = f"resource {self.resource!r} is a name of the system's own"
            raise wrong(what, "use another", "resource")
        return self

    @model_validator(mode="after")
    def check_prices(self) -> Self:
        """Refuse price limits that are out of order or off the tick grid."""
        for low, high in (("tick_size", "price_min"), ("price_min", "price_max")):
            least, most = getattr(self, low), getattr(self, high)
            if least > most:
                what = f"{high} {format_credits(most)} is below {low} {format_credits(least)}"
                raise wrong(what, "prices must satisfy tick_size <= price_min <= price_max", high)
        for key in ("price_min", "price_max"):
            if getattr(self, key) % self.tick_size:
                what = f"{key} {format_credits(getattr(self, key))} is off the grid"
                remedy = (
                    f"price_min and price_max must be multiples of tick_size {format_credits(self.tick_size)}"
                )
                raise wrong(what, remedy, key)
        return self


class Role(ScenarioPart):
    """What the agents of a group do on one market."""

    resource: Name
    """The market."""
    side: Side
    """`bid` (a buyer with redemption values) or `ask` (a seller with costs)."""
    values: tuple[Annotated[tuple[UnitCredits, ...], Field(min_length=1)], ...] = ()
    """Value or cost of each unit, one list an agent, the best unit first; shorter lists are used again in turn."""
    first: UnitCredits | None = None
    """Instead of `values`: one unit each, the first agent's value or cost …"""
    last: UnitCredits | None = None
    """… and the last agent's; the others lie evenly between, rounded to the tick size."""
    units: Quantity = 1
    """With `first` and `last`: units each agent has at that value or cost."""

    @model_validator(mode="after")
    def check_schedule(self) -> Self:
        """Ask for exactly one of `values` and the pair `first`, `last`; `units` belong to the pair."""
        given = [key for key in ("first", "last") if getattr(self, key) is not None]
        remedy = "give either values = [[…], …] or both first and last"
        if not self.values and len(given) < 2:
            what = f"{given[0]} is given alone" if given else "there are no values"
            raise wrong(what, remedy, given[0] if given else "values")
        if self.values and given:
            what = f"{given[0]} stands beside values"
            raise wrong(what, remedy, given[0])
        if self.values and self.units != 1:
            what = "units stands beside values, which says by itself how many units there are"
            raise wrong(what, "write a value for each unit, or give first, last and units", "units")
        return self

    def units_of(self, count: int) -> int:
        """Return how many units so many agents have in this role."""
        if not self.values:
            return count * self.units
        turns, rest = divmod(count, len(self.values))
        return turns * sum(map(len, self.values)) + sum(map(len, self.values[:rest]))

    def worth_at_most(self, count: int) -> int:
        """Return the most that all units of so many agents can be worth, micro-credits."""
        if not self.values:
            return count * self.units * max(self.first or 0, self.last or 0)
        turns, rest = divmod(count, len(self.values))
        return turns * sum(map(sum, self.values)) + sum(map(sum, self.values[:rest]))


def _scripted_order_id(order_id: str) -> str:
    if order_id in CHAINS_OF_THE_CLOCK:
        what = f"{order_id!r} begins the ids of the clock's own transfers"
        raise wrong(what, "give the order another id")
    return order_id


ScriptedOrderId = Annotated[
    OrderId,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        max_length=ORDER_ID_LENGTH_MAX,
        json_schema_extra={"not": {"enum": [*CHAINS_OF_THE_CLOCK]}},
    ),
    AfterValidator(_scripted_order_id),
]
"""An order id of a scripted agent: without the dot that parts an external agent from its order, and none of the clock's."""


class ScriptedAction(ScenarioPart):
    """One step of a scripted agent."""

    tick: Annotated[Tick, Field(le=PERIODS_MAX * TICKS_PER_PERIOD_MAX)]
    """When: tick of the run."""
    resource: Name
    """Where."""
    verb: Verb
    """`bid`, `ask`, `cancel` or `replace`."""
    order_id: ScriptedOrderId
    """The new order's id, unique in the run; or the order to cancel or replace."""
    price: UnitCredits = 0
    """Credits a unit; not for a cancel."""
    quantity: Annotated[int, Field(strict=True, ge=0, le=QUANTITY_MAX)] = 1
    """Units; not for a cancel."""
    kind: OrderKind = OrderKind.LIMIT
    """Order type; a replacement keeps that of the order it replaces."""
    new_order_id: ScriptedOrderId | None = None
    """For a replace: id of the order that takes its place."""

    @model_validator(mode="after")
    def check_verb(self) -> Self:
        """Ask a replace, and nothing else, for the new order's id; and for no other order type."""
        if (self.verb is Verb.REPLACE) != (self.new_order_id is not None):
            what = f"{self.verb.value} {'without' if self.new_order_id is None else 'with'} new_order_id"
            remedy = 'new_order_id belongs to verb = "replace", and a replace needs it'
            raise wrong(what, remedy, "new_order_id")
        if self.verb is Verb.REPLACE and self.kind is not OrderKind.LIMIT:
            what, remedy = (
                "replace with kind",
                "leave it out: a replacement keeps the kind of the order it replaces",
            )
            raise wrong(what, remedy, "kind")
        return self

    def action(self, agent: str) -> Action:
        """Return the action as the market takes it, in an agent's name."""
        if self.verb is Verb.CANCEL:
            return Action(self.verb, agent, self.order_id)
        return Action(
            self.verb, agent, self.order_id, self.price, self.quantity, self.kind, self.new_order_id
        )
