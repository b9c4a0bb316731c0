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


ODD = {"windows that do not fit the period": call(4, 3)}
"""What is odd → the economy."""
