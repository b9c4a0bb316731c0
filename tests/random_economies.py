"""Random scenarios of traders on one or two markets, for tests that hold two drivers of a run equal."""

from factories import group, role, scenario
from hypothesis import assume
from hypothesis import strategies as st

from econsim.domain.agent.conditions import check_conditions
from econsim.errors import ScenarioError
from econsim.schemas.scenario import Clock, MechanismName

POLICIES = st.sampled_from(["zi_c", "zi_c", "zi_u", "truthful", "zip"])
WORTH = st.integers(1, 400).map(lambda cents: cents / 100)


@st.composite
def markets(draw, resource):
    """Return a market with limits that bind now and then."""
    mechanism = draw(st.sampled_from(list(MechanismName)))
    # A call auction that may have too few places is no scenario.
    places = [200] if mechanism is MechanismName.CALL_AUCTION else [200, 4]
    return {
        "resource": resource,
        "mechanism": mechanism.value,
        "price_max": 4.0,
        "tick_size": draw(st.sampled_from([0.01, 0.25])),
        "price_min": 0.25,
        "book_orders_max": draw(st.sampled_from(places)),
        "window_ticks": draw(st.integers(1, 3)),
        "rationing": draw(st.sampled_from(["price_time", "draw"])),
    }


@st.composite
def groups(draw, name, resources, policies=POLICIES):
    """Return a group that buys on one market and may sell on the other, with too little money now and then."""
    sides = draw(st.permutations(["bid", "ask"]))
    units = draw(st.integers(1, 4))
    roles = [
        role(side, resource, first=draw(WORTH), last=draw(WORTH), units=units)
        for side, resource in zip(sides, resources, strict=False)
    ]
    return group(
        name,
        draw(policies),
        count=draw(st.integers(1, 5)),
        credits=draw(st.sampled_from([0, 3, 100])),
        activity_percent=draw(st.sampled_from([10, 60, 100])),
        roles=roles,
    )


@st.composite
def economies(draw, policies=POLICIES):
    """Return a scenario of agents of these policies, coded ones unless others are given, on one or two markets."""
    resources = draw(st.sampled_from([["cpu"], ["cpu", "gpu"]]))
    clock = {
        "periods": draw(st.integers(1, 2)),
        "ticks_per_period": draw(st.integers(1, 8)),
        "until": draw(st.sampled_from(["ticks", "exhausted"])),
    }
    found = [
        draw(groups(f"group_{number}", resources, policies)) for number in range(draw(st.integers(2, 4)))
    ]
    every = [draw(markets(resource)) for resource in resources]
    return scenario(*found, markets=every, clock=clock, seed=draw(st.integers(0, 9)))


@st.composite
def changes(draw, number, names, resources):
    """Return a change in the periods of its own number, so that no two are of one thing at one time."""
    periods = {"first_period": number, "last_period": draw(st.sampled_from([number, number, None]))}
    cents = st.integers(-100, 100).map(lambda cents: cents / 100)
    kinds = [
        {"group": draw(st.sampled_from(names)), **kind}
        for kind in (
            {"present": False},
            {"activity_percent": draw(st.sampled_from([5, 100]))},
            {"shift": draw(cents), "scale_percent": draw(st.integers(50, 150))},
            {"resource": "cpu", "first": draw(WORTH), "last": draw(WORTH), "units": draw(st.integers(1, 3))},
            {"resource": "cpu", "draw": draw(DRAWS), "units": draw(st.integers(1, 3))},
        )
    ]
    kinds += [
        {"market": draw(st.sampled_from(resources)), **kind}
        for kind in (
            {"tax": draw(cents.filter(bool)), "tax_side": draw(st.sampled_from(["bid", "ask"]))},
            {"price_floor": 1.0, "price_ceiling": draw(st.sampled_from([1.0, 2.5]))},
            {"mechanism": draw(st.sampled_from(list(MechanismName))).value, "window_ticks": 2},
            {"tick_size": 0.05},
        )
    ]
    kinds += [{"ticks_per_period": 3}, {"until": "exhausted"}]
    return periods | draw(st.sampled_from(kinds))


DRAWS = st.sampled_from(
    [
        {"low": 0.5, "high": 3.0, "redraw": "period"},
        {"distribution": "normal", "low": 0.2, "high": 3.5, "mean": 2.0, "deviation": 1.0},
    ]
)
"""Distributions of values."""


@st.composite
def changing_economies(draw, policies=POLICIES):
    """Return a scenario with a change in each of its later periods that is possible there."""
    wanted = draw(economies(policies)).model_copy(update={"clock": Clock(periods=4, ticks_per_period=6)})
    names, resources = [each.name for each in wanted.agents], [each.resource for each in wanted.markets]
    found = [draw(changes(number, names, resources)) for number in range(2, 5)]
    try:
        changed = type(wanted).model_validate(wanted.model_dump(mode="json") | {"changes": found})
        check_conditions(changed)
    except ValueError as error:
        assume("twice" not in str(error))
        assume("no role" not in str(error))
        assume("nobody could pay it" not in str(error))
        raise
    except ScenarioError as error:
        # A call auction has too few places for all units.
        assume("units at once" not in str(error))
        raise
    return changed
