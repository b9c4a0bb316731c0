"""Small economies with something odd about them, for tests in memory and over a real server."""

from __future__ import annotations

from factories import group, role, scenario


def call(window, ticks, **clock):
    """Return Smith's schedule in a call auction, quoted truthfully, four periods."""
    buyers = group("buyer", "truthful", count=11, roles=[role("bid", first=3.25, last=0.75)])
    sellers = group("seller", "truthful", count=11, roles=[role("ask", first=0.75, last=3.25)])
    market = {"resource": "cpu", "mechanism": "call_auction", "window_ticks": window}
    timing = {"periods": 4, "ticks_per_period": ticks, **clock}
    return scenario(buyers, sellers, markets=[market], clock=timing)


def one_call(values, costs, **market):
    """Return truthful buyers and sellers of these schedules, a list an agent, in one call of one tick."""
    sides = [("buyer", "bid", values), ("seller", "ask", costs)]
    groups = [
        group(name, "truthful", count=len(units), credits=1_000, roles=[role(side, values=units)])
        for name, side, units in sides
        if units
    ]
    market_ = {"resource": "cpu", "mechanism": "call_auction", **market}
    return scenario(*groups, markets=[market_], clock={"ticks_per_period": 1})


SYMMETRIC = (
    [[round(1.90 - 0.06 * (agent + 6 * unit), 2) for unit in range(4)] for agent in range(6)],
    [[round(0.10 + 0.06 * (agent + 6 * unit), 2) for unit in range(4)] for agent in range(6)],
)
"""Six buyers and six sellers of four units each, values from 1.90 down, costs from 0.10 up."""


def indebted(credits_=0, cost=3.00, value=1.00, price=1.00, periods=3):
    """Return a seller who sells below its cost, period after period, to a buyer at its value."""
    seller = group(
        "seller",
        "scripted",
        credits=credits_,
        roles=[role("ask", values=[[cost]])],
        script=[
            {"tick": 2 * p + 1, "resource": "cpu", "verb": "ask", "order_id": f"s{p}", "price": price}
            for p in range(periods)
        ],
    )
    buyer = group("buyer", "truthful", roles=[role("bid", values=[[value]])])
    return scenario(seller, buyer, clock={"periods": periods, "ticks_per_period": 2})


def exhausted(value, cost, external="", ticks=5, **market):
    """Return a buyer and a seller until no gain is left; `external` names the one that is in no host."""
    groups = [
        group(name, "external" if external == name else "truthful", roles=[role(side, values=[[worth]])])
        for name, side, worth in (("buyer", "bid", value), ("seller", "ask", cost))
    ]
    clock = {"periods": 2, "ticks_per_period": ticks, "until": "exhausted"}
    return scenario(*groups, markets=[{"resource": "cpu", **market}], clock=clock)


def uneven(periods=1, until="ticks", ticks=4):
    """Return a buyer and a seller who trade one unit at 3.00 and 99 at 2.00, the competitive price, in every period."""
    steps = [
        ("bid", "buyer", 1, 3),
        ("ask", "seller", 1, 2),
        ("bid", "buyer", 99, 2),
        ("ask", "seller", 99, 2),
    ]
    scripts = {"buyer": [], "seller": []}
    for tick in range(4 * periods):
        verb, name, quantity, price = steps[tick % 4]
        step = {"tick": tick + 1, "verb": verb, "order_id": f"o{tick}", "quantity": quantity, "price": price}
        scripts[name].append({"resource": "cpu", **step})
    roles = {"buyer": role("bid", values=[[3] + 99 * [2]]), "seller": role("ask", values=[100 * [2]])}
    groups = [
        group(name, "scripted", credits=10_000, roles=[roles[name]], script=script)
        for name, script in scripts.items()
    ]
    return scenario(*groups, clock={"periods": periods, "ticks_per_period": ticks, "until": until})


ODD = {
    "windows that do not fit the period": call(4, 3),
    "a seller that cannot pay its costs": indebted(),
    "several units each in one call": one_call(*SYMMETRIC),
    "a script whose last step ends the period": uneven(until="exhausted", ticks=9),
    "price limits that cut both limits to one price": exhausted(3.00, 2.00, price_max=2.00),
}
"""What is odd → the economy."""


def changing(**clock):
    """Return an economy in which something of every kind changes from period to period, among agents of every coded policy."""
    drawn = {"low": 0.5, "high": 3.5, "redraw": "period"}
    normal = {"distribution": "normal", "low": 0.5, "high": 3.5, "mean": 2.0, "deviation": 0.8}
    groups = [
        group("buyer", count=5, activity_percent=40, roles=[role("bid", draw=drawn, units=2)]),
        group("seller", "zip", count=5, roles=[role("ask", first=0.5, last=3.0)]),
        group("late", "truthful", count=2, present=False, roles=[role("bid", first=3, last=2)]),
        group(
            "script",
            "scripted",
            roles=[role("ask", values=[[0.5, 0.5]])],
            script=[
                {
                    "tick": tick,
                    "resource": "cpu",
                    "verb": "ask",
                    "order_id": f"o{tick}",
                    "price": 1,
                    "quantity": 2,
                }
                for tick in (2, 10, 18, 26, 34, 42)
            ],
        ),
    ]
    changes = [
        {"first_period": 2, "group": "late", "present": True},
        {"first_period": 2, "last_period": 2, "market": "cpu", "price_floor": 0.5, "price_ceiling": 1.5},
        {
            "first_period": 3,
            "last_period": 4,
            "market": "cpu",
            "tax": 0.2,
            "tax_side": "ask",
            "tax_account": "state",
        },
        {"first_period": 4, "group": "seller", "shift": 0.25, "scale_percent": 90, "activity_percent": 60},
        {"first_period": 4, "last_period": 4, "group": "script", "present": False},
        {
            "first_period": 5,
            "market": "cpu",
            "tax": 0.15,
            "tax_account": "state",
            "tick_size": 0.05,
            "price_floor": 0.05,
        },
        {
            "first_period": 5,
            "last_period": 5,
            "market": "cpu",
            "mechanism": "call_auction",
            "window_ticks": 4,
        },
        {"first_period": 6, "ticks_per_period": 6, "until": "exhausted"},
        {"first_period": 6, "group": "buyer", "draw": normal},
    ]
    markets = [{"resource": "cpu"}]
    return scenario(
        *groups, markets=markets, changes=changes, clock={"periods": 6, "ticks_per_period": 8, **clock}
    )
