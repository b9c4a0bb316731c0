"""Policies of traders, one a file: functions of (private state, public market, seeded draws) → actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders.base import Quoter, Trader, TraderPosition, View
from econsim.domain.agent.traders.scripted import Scripted
from econsim.domain.agent.traders.truthful import Truthful
from econsim.domain.agent.traders.zi_c import ZiC
from econsim.domain.agent.traders.zi_u import ZiU
from econsim.domain.agent.traders.zip import Zip
from econsim.schemas.scenario import PolicyName

QUOTERS: Final[Mapping[PolicyName, Callable[[TraderPosition, Draws], Quoter]]] = {
    PolicyName.ZI_U: ZiU,
    PolicyName.ZI_C: ZiC,
    PolicyName.TRUTHFUL: Truthful,
    PolicyName.ZIP: Zip,
}
"""Policies that quote for their next unit; `scripted` follows a list, and external agents have no trader."""

__all__ = ["QUOTERS", "Quoter", "Scripted", "Trader", "TraderPosition", "View"]
