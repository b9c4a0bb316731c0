"""The words a scenario chooses from: modes of time, mechanisms, policies."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Modes of time."""

    LOCK_STEP = "lock_step"
    """Ticks with a barrier: the same seed gives the same run."""
    REAL_TIME = "real_time"
    """Time without a barrier: agents act at any time, and orders are processed in the order they arrive in the queue."""


class Until(StrEnum):
    """Conditions that end a period."""

    TICKS = "ticks"
    """After `ticks_per_period` ticks."""
    EXHAUSTED = "exhausted"
    """Once no two agents could gain from a trade, at the latest after `ticks_per_period` ticks."""


class MechanismName(StrEnum):
    """Mechanisms that match orders."""

    CONTINUOUS_DOUBLE_AUCTION = "continuous_double_auction"
    """Limit order book, price-time priority."""
    ZI_DOUBLE_AUCTION = "zi_double_auction"
    """Gode and Sunder's rules: best quotes only, a trade cancels all."""
    CALL_AUCTION = "call_auction"
    """Quotes collected over a window, cleared at one price."""


class Rationing(StrEnum):
    """Rules that choose the trading orders at a call auction's clearing price when one side has more units."""

    PRICE_TIME = "price_time"
    """The better price, then the earlier order; in lock-step a tick's turns are themselves drawn by seed."""
    DRAW = "draw"
    """The better price, then by lot, drawn by seed."""


class Distribution(StrEnum):
    """Distributions from which values and costs are drawn."""

    UNIFORM = "uniform"
    """Every price of the grid from `low` to `high` alike."""
    NORMAL = "normal"
    """Normal with `mean` and `deviation`, drawn again while it lies outside `low` to `high`, to the nearest price of the grid."""


class Redraw(StrEnum):
    """Times at which values and costs are drawn."""

    RUN = "run"
    """Once, when the run opens."""
    PERIOD = "period"
    """Anew when each period opens."""


class PolicyName(StrEnum):
    """Policies by which agents decide."""

    ZI_U = "zi_u"
    """Zero intelligence, unconstrained (Gode and Sunder 1993)."""
    ZI_C = "zi_c"
    """Zero intelligence, constrained to its own value or cost."""
    TRUTHFUL = "truthful"
    """Truthful: quotes its own value or cost."""
    ZIP = "zip"
    """Zero intelligence plus: learns a margin (Cliff 1997)."""
    LLM = "llm"
    """Model: asks a language model at each of its cycles, and sends the actions in the answer."""
    LLM_STRATEGIST = "llm_strategist"
    """Strategist: a language model writes the parameters of a coded trader every few ticks; the code trades at each."""
    HUMAN = "human"
    """Human: a person decides, asked through the social service every few ticks; without an answer the agent passes."""
    SCRIPTED = "scripted"
    """Scripted: follows a list of actions, such as those that a person decided on."""
    EXTERNAL = "external"
    """External: an agent of its owner's own, connected to the server from outside."""
