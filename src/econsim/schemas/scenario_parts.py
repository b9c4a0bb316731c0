"""The tables of a scenario file below its groups: clock, markets, roles and scripted steps, each checked by itself."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from econsim.schemas.base import Message
from econsim.schemas.money import PriceCredits, SignedCredits, UnitCredits, format_credits
from econsim.schemas.names import CHAIN_WORDS, RESOURCES_RESERVED
from econsim.schemas.orders import Action, OrderKind, Side, Verb
from econsim.schemas.quota import DEADLINE_MS_MAX
from econsim.schemas.scenario_words import Distribution, MechanismName, Mode, Rationing, Redraw, Until
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

WAIT_MS_MAX: Final = 3_600_000
"""Longest waiting room and longest pause between two periods, milliseconds: an hour."""

WRONG: Final = "scenario_is_wrong"
"""Type of the errors raised here; their context has the mistake, the remedy, and the key."""


def wrong(what: str, remedy: str, *at: int | str) -> PydanticCustomError:
    """Return an error at a key, given as a path from the table that is checked."""
    return PydanticCustomError(WRONG, "{what}; {remedy}", {"what": what, "remedy": remedy, "at": at})


class ScenarioPart(Message):
    """A table of a scenario file: TOML values are taken as they are, except words and money, which are text in TOML."""

    model_config = ConfigDict(strict=False)


def _is_zero(value: object) -> bool:
    """Return whether a time is left out: the canonical hash stays that of a file without it."""
    return value == 0


class Clock(ScenarioPart):
    """The clock of a run: its periods and ticks."""

    mode: Mode = Mode.LOCK_STEP
    """Mode of time: `lock_step` (repeatable) or `real_time`."""
    periods: Annotated[int, Field(strict=True, ge=1, le=PERIODS_MAX)] = 1
    """Number of periods (trading days); each deals the endowments again and ends with empty books."""
    ticks_per_period: Annotated[int, Field(strict=True, ge=1, le=TICKS_PER_PERIOD_MAX)] = 60
    """Number of ticks in a period, at most."""
    until: Until = Until.TICKS
    """Condition that ends a period: `ticks` or `exhausted`."""
    tick_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] = 100
    """Pause between ticks, milliseconds; real time only."""
    deadline_ms: Annotated[int, Field(strict=True, ge=100, le=DEADLINE_MS_MAX)] = 60_000
    """Deadline of a tick, milliseconds, lock-step only: the tick then closes even if an agent has not answered."""
    join_ms: Annotated[int, Field(strict=True, ge=0, le=WAIT_MS_MAX, exclude_if=_is_zero)] = 0
    """Waiting room, milliseconds: the first period opens once every external agent has reported that it is ready, or after this time."""
    pause_ms: Annotated[int, Field(strict=True, ge=0, le=WAIT_MS_MAX, exclude_if=_is_zero)] = 0
    """Pause between two periods, milliseconds, in which people read their results; real time only."""


TAX_ACCOUNT: Final = "tax"
"""Account of a tax whose scenario names none."""

TAX_ACCOUNT_LENGTH_MAX: Final = 41
"""Characters in the name of a tax's account: its holder `fiscal_<account>` is a name too."""


def _is_no_tax(value: object) -> bool:
    """Return whether there is no tax: the canonical hash stays that of a file without it."""
    return value == 0


def _is_bid(value: object) -> bool:
    """Return whether the buyer pays, as where a file says nothing."""
    return value is Side.BID


def _is_tax(value: object) -> bool:
    """Return whether the account has the name that is meant where a file gives none."""
    return value == TAX_ACCOUNT


class Market(ScenarioPart):
    """One resource and the mechanism that trades it."""

    resource: Annotated[
        Name,
        Field(
            max_length=RESOURCE_LENGTH_MAX, json_schema_extra={"not": {"enum": sorted(RESOURCES_RESERVED)}}
        ),
    ]
    """Resource that is traded, in whole units; names of the system's own are refused."""
    mechanism: MechanismName = MechanismName.CONTINUOUS_DOUBLE_AUCTION
    """Mechanism that matches the orders."""
    tick_size: PriceCredits = 10_000
    """Tick size: every price is a multiple of it."""
    lot_size: Quantity = 1
    """Lot size: every quantity is a multiple of it."""
    price_min: PriceCredits = 10_000
    """Price floor: the lowest price allowed."""
    price_max: PriceCredits = 4_000_000
    """Price ceiling: the highest price allowed."""
    open_orders_max: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 100
    """Number of open orders an agent may have on this book."""
    book_orders_max: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 200_000
    """Number of open orders on this book, of all agents together."""
    window_ticks: Annotated[int, Field(strict=True, ge=1, le=TICKS_PER_PERIOD_MAX)] = 1
    """Number of ticks between two clearings, counted in the period, call auction only; a period's end clears too."""
    rationing: Rationing = Rationing.PRICE_TIME
    """Rationing at the margin, call auction only: `price_time` or `draw`."""
    tax: Annotated[SignedCredits, Field(exclude_if=_is_no_tax)] = 0
    """Tax on each unit traded, credits, paid beside the price; negative for a subsidy."""
    tax_side: Annotated[Side, Field(exclude_if=_is_bid)] = Side.BID
    """Side that pays the tax or gets the subsidy: `bid` or `ask`."""
    tax_account: Annotated[Name, Field(max_length=TAX_ACCOUNT_LENGTH_MAX, exclude_if=_is_tax)] = TAX_ACCOUNT
    """Account that the tax goes to and the subsidy comes from: `fiscal_<tax_account>` at the ledger, which may owe."""

    @model_validator(mode="after")
    def check_resource(self) -> Self:
        """Refuse a resource that has a name of the system's own."""
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

    def tax_of(self, side: Side) -> int:
        """Return the tax that a side pays for each unit beside the price, micro-credits; negative for a subsidy."""
        return self.tax if side is self.tax_side else 0

    @property
    def reserved_tax(self) -> int:
        """Tax that a bid reserves for each unit beside its price, micro-credits; a subsidy is paid when the unit is."""
        return max(self.tax_of(Side.BID), 0)

    @property
    def ask_min(self) -> int:
        """Lowest price that a seller may ask, micro-credits: within the limits, and enough to pay its tax from."""
        tax = max(self.tax_of(Side.ASK), 0)
        return max(self.price_min, -(-tax // self.tick_size) * self.tick_size)


class Draw(ScenarioPart):
    """A distribution from which the values or costs of a role are drawn, by the seed."""

    distribution: Distribution = Distribution.UNIFORM
    """Distribution: `uniform` or `normal`."""
    low: UnitCredits
    """Lowest value or cost that is drawn."""
    high: UnitCredits
    """Highest value or cost that is drawn."""
    mean: UnitCredits | None = None
    """Mean of the normal distribution before its ends are cut off; with `normal` alone."""
    deviation: PriceCredits | None = None
    """Standard deviation of the normal distribution before its ends are cut off; with `normal` alone."""
    redraw: Redraw = Redraw.RUN
    """Time of the draw: once a `run`, or anew in each `period`."""

    @model_validator(mode="after")
    def check_shape(self) -> Self:
        """Refuse ends out of order, and a normal distribution whose draws would hardly ever lie between them."""
        low, high = format_credits(self.low), format_credits(self.high)
        if self.low > self.high:
            what = f"high {high} is below low {low}"
            raise wrong(what, "swap them", "high")
        normal = self.distribution is Distribution.NORMAL
        for key in ("mean", "deviation"):
            if normal and getattr(self, key) is None:
                what = f"a normal distribution without {key}"
                raise wrong(what, f"add {key} = …", "distribution")
            if not normal and getattr(self, key) is not None:
                what = f"{key} is given to a {self.distribution.value} distribution"
                raise wrong(what, "leave it out", key)
        if self.mean is not None and not self.low <= self.mean <= self.high:
            what = f"mean {format_credits(self.mean)} is outside {low} to {high}"
            raise wrong(what, "choose it between low and high", "mean")
        if self.deviation is not None and self.deviation > max(self.high - self.low, 1):
            what = f"deviation {format_credits(self.deviation)} is more than high - low"
            raise wrong(what, 'choose less, or distribution = "uniform"', "deviation")
        return self


def _is_none(value: object) -> bool:
    """Return whether a key is left out: a file without it has the same canonical hash as ever."""
    return value is None


class Role(ScenarioPart):
    """The role of a group's agents on one market."""

    resource: Name
    """Resource of the market."""
    side: Side
    """Side of the role: `bid` (a buyer with redemption values) or `ask` (a seller with costs)."""
    values: tuple[Annotated[tuple[UnitCredits, ...], Field(min_length=1)], ...] = ()
    """Values or costs of the units, one list an agent, the best unit first; with fewer lists than agents, lists repeat in turn."""
    first: UnitCredits | None = None
    """Value or cost of the first agent, instead of `values`; each agent has the same for all its `units`."""
    last: UnitCredits | None = None
    """Value or cost of the last agent; those of the others lie evenly between, rounded to the tick size."""
    units: Quantity = 1
    """Number of units each agent has, at that value or cost or drawn; with `first` and `last`, or with `draw`."""
    draw: Annotated[Draw | None, Field(exclude_if=_is_none)] = None
    """Distribution from which the value or cost of each unit is drawn, instead of `values`; each agent's best unit comes first."""

    @model_validator(mode="after")
    def check_schedule(self) -> Self:
        """Ask for exactly one of `values`, `draw`, and the pair `first`, `last`; `units` belong to the latter two."""
        given = [key for key in ("first", "last") if getattr(self, key) is not None]
        remedy = "give one of values = [[…], …], draw = { … }, or both first and last"
        if self.draw is not None:
            if self.values or given:
                what = f"draw stands beside {given[0] if given else 'values'}"
                raise wrong(what, remedy, "draw")
            return self
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
        """Return the number of units that `count` agents have in this role."""
        if not self.values:
            return count * self.units
        turns, rest = divmod(count, len(self.values))
        return turns * sum(map(len, self.values)) + sum(map(len, self.values[:rest]))

    def worth_at_most(self, count: int) -> int:
        """Return the highest possible worth of all units of `count` agents, micro-credits."""
        if not self.values:
            return (
                count * self.units * max(self.first or 0, self.last or 0, self.draw.high if self.draw else 0)
            )
        turns, rest = divmod(count, len(self.values))
        return turns * sum(map(sum, self.values)) + sum(map(sum, self.values[:rest]))


def _scripted_order_id(order_id: str) -> str:
    if order_id in CHAIN_WORDS:
        what = f"{order_id!r} begins the ids of the system's own transfers"
        raise wrong(what, "give the order another id")
    return order_id


ScriptedOrderId = Annotated[
    OrderId,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        max_length=ORDER_ID_LENGTH_MAX,
        json_schema_extra={"not": {"enum": [*CHAIN_WORDS]}},
    ),
    AfterValidator(_scripted_order_id),
]
"""An order id of a scripted agent: without the dot that separates an external agent's name from its order, and none of the system's words."""


class ScriptedAction(ScenarioPart):
    """One step of a scripted agent."""

    tick: Annotated[Tick, Field(le=PERIODS_MAX * TICKS_PER_PERIOD_MAX)]
    """Tick of the run at which the agent acts."""
    resource: Name
    """Resource of the market."""
    verb: Verb
    """Verb of the action: `bid`, `ask`, `cancel` or `replace`."""
    order_id: ScriptedOrderId
    """Id of the new order, unique in the run; or of the order to cancel or replace."""
    price: UnitCredits = 0
    """Price of a unit, credits; not for a cancel."""
    quantity: Annotated[int, Field(strict=True, ge=0, le=QUANTITY_MAX)] = 1
    """Number of units; not for a cancel."""
    kind: OrderKind = OrderKind.LIMIT
    """Kind of the order; a replacement keeps the kind of the order it replaces."""
    new_order_id: ScriptedOrderId | None = None
    """Id of the replacing order, for a replace."""

    @model_validator(mode="after")
    def check_verb(self) -> Self:
        """Require new_order_id of a replace, refuse it otherwise, and refuse a kind for a replace."""
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
