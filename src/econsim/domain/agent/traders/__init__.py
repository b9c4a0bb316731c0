"""Traders' policies, one a file: functions of (private state, public market, seeded draws) → actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders.base import Hand, Quoter, Trader, View
from econsim.domain.agent.traders.scripted import Scripted
from econsim.domain.agent.traders.truthful import Truthful
from econsim.domain.agent.traders.zi_c import ZiC
from econsim.domain.agent.traders.zi_u import ZiU
from econsim.domain.agent.traders.zip import Zip
from econsim.schemas.scenario import PolicyName

QUOTERS: Final[Mapping[PolicyName, Callable[[Hand, Draws], Quoter]]] = {
    PolicyName.ZI_U: ZiU,
    PolicyName.ZI_C: ZiC,
    PolicyName.TRUTHFUL: Truthful,
    PolicyName.ZIP: Zip,
}
"""Policies that quote for their next unit; `scripted` follows a list and `external` is nobody's here."""

__all__ = ["QUOTERS", "Hand", "Quoter", "Scripted", "Trader", "View"]
