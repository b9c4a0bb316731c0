"""Enforce quotas in one worker: take blocks of allowance from shared counters, spend them without waiting.

Theory of operation
-------------------
A worker has one meter for all agents and kinds. The admission gateway, the reply check and the market call `allow`
for each message: it decides from memory, without waiting. If memory cannot decide, they call `take`. It repeats four
steps until it is decided; each step sends at most one request, however many callers wait for it:

1. Ask for the version of the quota table, if it was not read in the present second.
2. Read the agent's limits, if they were read at another version.
3. Open the allowance of the present window, if it has just begun.
4. Spend. If the allowance is too small and a counter may have more, take one block for all waiting callers.

A rate limit has a window of a second or an hour; each window has its own counter. A window whose counter is above the
limit is refused from memory until it ends. A stock may be given back by any worker, so it is refused from memory for
RECHECK_NS only. Idle allowance of stocks goes back to the counter (`return_idle`, `close`).

An increment is not idempotent, so it is never sent again. Failures only ever take allowance away:

- The server does not answer: the outcome is unknown, nothing is granted, and `take` raises Unavailable.
- The worker crashes between an increment and the spending: the block stays counted and nobody spends it. The loss is at
  most one block per agent and kind; it ends with the window, of a stock with the run.
- The answer to a return is lost: the return is not repeated, and the amount may stay counted.
- A single server restarts: counters of seconds are in memory and start at 0. Counters of hours and stocks are on disk.

Life cycle of the collections
-----------------------------
=====================  ==========================  ========================  =========================  ===============
collection             holds                       an entry comes            an entry goes              bound
=====================  ==========================  ========================  =========================  ===============
`_agents`              limits and allowances of    limits are first read     as the one unused longest  `agents_max`
                       one agent                                             above the bound; `close`
`_agents[…]            allowance of the newest     first `take` in a         replaced by that of the    one per kind: 9
.allowances`           window                      window                    next window
`_commons`             a window's common units     an agent's window opens   replaced by the next; all  2 `RUNS_MAX`
                                                                              if an agent is forgotten
`_requests`            request under way           first caller that needs   the answer comes           1 + one per agent
                                                   it                                                   + one per counter
                                                                                                        + returns
=====================  ==========================  ========================  =========================  ===============

The rules are in `domain/admission/quota.py`, `allowance.py` and `common_allowance.py`. Why blocks: decision 0012; why common units: 0078.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Final

from econsim import ports
from econsim.domain.admission import quota
from econsim.domain.admission.allowance import AgentQuotas, LocalAllowance
from econsim.domain.admission.common_allowance import CommonAllowance, CommonAllowances
from econsim.domain.admission.quota import MILLISECOND_NS, SECOND_NS, QuotaKind
from econsim.errors import QuotaExceeded, Unavailable
from econsim.schemas.quota import Quotas
from econsim.schemas.subject import token
from econsim.services.single_flight import SingleFlight

RECHECK_NS: Final = 100 * MILLISECOND_NS
"""Time that a full stock is refused from memory: others may give some back, and a refused agent may insist."""

AGENTS_MAX: Final = 20_000
"""Agents remembered at once, about 1 kB each; the one unused longest makes room."""

ROUNDS_MAX: Final = 50
"""Rounds of one request: each round grants some of the waiting amount, so other callers came first each time."""

RETURNS_AT_ONCE: Final = 64
"""Returns of allowance under way at once."""

DEFAULTS: Final = Quotas()
"""Limits of an agent whose limits were not read yet."""

_log = logging.getLogger(__name__)


class QuotaMeter:
    """Quotas of all agents in one worker, for all kinds."""

    def __init__(
        self,
        counters: ports.Counters,
        table: ports.QuotaTable,
        clock_ns: Callable[[], int],
        agents_max: int = AGENTS_MAX,
    ) -> None:
        """Count with shared counters, by a clock that returns nanoseconds since 1970."""
        self._counters = counters
        self._table = table
        self._clock_ns = clock_ns
        self._agents_max = agents_max
        self._agents: dict[tuple[str, str], AgentQuotas] = {}  # the one unused longest is first
        self._commons = CommonAllowances()
        self._requests = SingleFlight()
        self._version = 0
        self._version_read_ns = self._version_ends_ns = 0

    def allow(self, kind: QuotaKind, run: str, agent: str, amount: int = 1) -> bool | None:
        """Spend local allowance without waiting; None if only `take` can decide."""
        now_ns = self._clock_ns()
        # `_current`, written out: this code runs for every message.
        known = self._agents.get((run, agent))
        if known is None or known.version != self._version:
            return None
        if not self._version_read_ns <= now_ns < self._version_ends_ns:
            return None
        allowance = known.allowances.get(kind.token)
        if allowance is None or not allowance.begins_ns <= now_ns < allowance.ends_ns:
            allowance = self._open_window(known, kind, now_ns)
        return allowance.spend(amount, now_ns)

    def certain_refusal(self, kind: QuotaKind, run: str, agent: str, amount: int = 1) -> QuotaExceeded | None:
        """Return the refusal of an amount that memory is certain of, for instance in a window that is used up.

        Spends nothing. None means that `take` may succeed.
        """
        now_ns = self._clock_ns()
        allowance = self._current(kind, run, agent, now_ns)
        if allowance is None or not allowance.must_refuse(amount, now_ns):
            return None
        return self._refusal(allowance, amount, now_ns)

    def limit(self, kind: QuotaKind, run: str, agent: str) -> int:
        """Return the newest known limit of an agent; the default if its limits were never read."""
        known = self._agents.get((run, agent))
        return quota.limit_of(known.quotas if known else DEFAULTS, kind)

    async def quotas(self, run: str, agent: str) -> Quotas:
        """Return an agent's limits, for a caller that counts by itself; raises Unavailable without an answer."""
        for _ in range(ROUNDS_MAX):
            if known := await self._up_to_date(run, agent, self._clock_ns()):
                return known.quotas
        message = f"the limits of {agent!r} changed each of {ROUNDS_MAX} times they were read; try again"
        raise Unavailable(message)

    async def take(self, kind: QuotaKind, run: str, agent: str, amount: int = 1) -> None:
        """Spend allowance, all or nothing.

        Raises QuotaExceeded, with `retry_after_ms` if a new window may allow it; Unavailable if the server
        does not answer (nothing is granted then); InvalidSubject for a run or agent that cannot exist.
        """
        if amount < 0:
            message = f"cannot take {amount} of {kind.token}"
            raise ValueError(message)
        for _ in range(ROUNDS_MAX):
            now_ns = self._clock_ns()
            allowance = self._current(kind, run, agent, now_ns)
            if allowance is None:
                if known := await self._up_to_date(run, agent, now_ns):
                    self._open_window(known, kind, now_ns)
                continue
            allowed = allowance.spend(amount, now_ns)
            if allowed:
                return
            if allowed is False:
                raise self._refusal(allowance, amount, now_ns)
            self._agents[run, agent] = self._agents.pop((run, agent))
            await self._wait(allowance, amount)
        message = f"{kind.limit} of {agent!r} was gone each of {ROUNDS_MAX} times it was asked for; try again"
        raise Unavailable(message)

    async def give_back(self, kind: QuotaKind, run: str, agent: str, amount: int = 1) -> None:
        """Give back an amount of a stock that was taken here or in another worker.

        Raises Unavailable if the server does not answer: the amount may then be given back or not. Giving back
        is not idempotent. Do not repeat it, or others get allowance that is in use.
        """
        if not kind.returnable or amount < 0:
            message = f"cannot give {amount} of {kind.token} back"
            raise ValueError(message)
        known = self._agents.get((run, agent))
        allowance = known.allowances.get(kind.token) if known else None
        if rest := allowance.take_back(amount) if allowance else amount:
            await self._counters.add(quota.counter_key(kind, run, agent, 0), -rest)

    async def return_idle(self) -> None:
        """Return allowance of stocks that was not touched since the last call; call it every few seconds.

        Otherwise a worker that an agent no longer uses would keep up to a block from the other workers.
        """
        idle = []
        for allowance in [each for known in self._agents.values() for each in known.unspent_stocks]:
            if allowance.unspent == allowance.unspent_at_last_check and not allowance.waiting_amount:
                idle.append((allowance.key, allowance.release()))
            else:
                allowance.unspent_at_last_check = allowance.unspent
        await self._return(idle)

    async def wait_for_requests(self) -> None:
        """Wait until no request is under way."""
        await self._requests.join_all()

    async def close(self) -> None:
        """Return all unspent allowance of stocks; the meter may not be used afterwards."""
        await self.wait_for_requests()
        stocks = [each for known in self._agents.values() for each in known.unspent_stocks]
        self._agents.clear()
        await self._return([(allowance.key, allowance.release()) for allowance in stocks])

    def _current(self, kind: QuotaKind, run: str, agent: str, now_ns: int) -> LocalAllowance | None:
        """Return the allowance of the present window, if the agent's limits are up to date."""
        known = self._agents.get((run, agent))
        if known is None or known.version != self._version or not self._is_fresh(now_ns):
            return None
        return known.current(kind, now_ns)

    def _open_window(self, known: AgentQuotas, kind: QuotaKind, now_ns: int) -> LocalAllowance:
        """Open the allowance of an agent's present window, with what this worker has of it for every agent."""
        common = self._commons.current(kind, known.run, now_ns) if kind.common else None
        opened = known.open_window(kind, now_ns, common)
        if opened.common and opened.expected_spending > kind.common:
            self._requests.start(opened.key, partial(self._take_ahead, opened))
        return opened

    async def _take_ahead(self, allowance: LocalAllowance) -> None:
        """Take what an agent probably spends, while it spends common units: nobody waits for it."""
        allowance.waiting_amount += (expected := allowance.expected_spending)
        try:
            await self._take_block(allowance)
        finally:
            allowance.waiting_amount -= expected

    def _is_fresh(self, now_ns: int) -> bool:
        return self._version_read_ns <= now_ns < self._version_ends_ns

    async def _up_to_date(self, run: str, agent: str, now_ns: int) -> AgentQuotas | None:
        """Return an agent whose limits are up to date; None after one request towards that, raises Unavailable."""
        if not self._is_fresh(now_ns):
            await self._requests.join("version", self._read_version)
            return None
        known = self._agents.get((run, agent))
        if known is None or known.version != self._version:
            await self._requests.join((run, agent), partial(self._read_limits, run, agent))
            return None
        return known

    async def _wait(self, allowance: LocalAllowance, amount: int) -> None:
        """Wait for a block together with all callers of an allowance; raises Unavailable."""
        allowance.waiting_amount += amount
        source = allowance.next_source()
        try:
            await self._requests.join(source.key, partial(self._take_block, source))
        finally:
            allowance.waiting_amount -= amount

    async def _read_version(self) -> None:
        """Read the version of the quota table: it tells whether any limit changed."""
        now_ns = self._clock_ns()
        self._version = await self._table.version()
        self._version_read_ns = now_ns
        # Its end is that of the quotas' windows, so that who waits for it then waits for allowance, too.
        self._version_ends_ns = now_ns - now_ns % SECOND_NS + SECOND_NS

    async def _read_limits(self, run: str, agent: str) -> None:
        """Read an agent's limits and obey them."""
        token(run, "run")
        token(agent, "agent")
        version = self._version
        quotas = await self._table.get(run, agent)
        known = self._agents.pop((run, agent), None) or AgentQuotas(run, agent, quotas, version)
        known.quotas, known.version = quotas, version
        self._agents[run, agent] = known
        void = [(a.key, a.change_limit(quota.limit_of(quotas, a.kind))) for a in known.allowances.values()]
        self._return_later([*void, *self._forget_oldest()])

    def _forget_oldest(self) -> list[tuple[str, int]]:
        """Forget agents above the bound; return the allowance that their stocks must return."""
        void: list[tuple[str, int]] = []
        for name in list(islice(self._agents, max(0, len(self._agents) - self._agents_max))):
            known = self._agents.pop(name)
            if known.is_waiting:
                self._agents[name] = known
                continue
            void += [(allowance.key, allowance.release()) for allowance in known.unspent_stocks]
            # If it comes back within the window, it must not have the common units again that it may have spent.
            self._commons = CommonAllowances()
        return void

    async def _take_block(self, allowance: LocalAllowance | CommonAllowance) -> None:
        """Take a block for all callers that wait."""
        increment = allowance.next_increment()
        if not increment:
            return
        allowance.outcome_unknown = True
        total = await self._counters.add(allowance.key, increment)
        allowance.outcome_unknown = False
        excess = allowance.add_block(total, increment)
        if isinstance(allowance, LocalAllowance) and allowance.is_stock:
            allowance.total_valid_until_ns = self._clock_ns() + RECHECK_NS
            await self._return([(allowance.key, excess)])

    def _refusal(self, allowance: LocalAllowance, amount: int, now_ns: int) -> QuotaExceeded:
        """Return the refusal of an amount; a stock also returns the allowance that was too small for it."""
        used = allowance.used
        if allowance.is_stock and not allowance.waiting_amount and amount <= allowance.limit:
            self._return_later([(allowance.key, allowance.release())])
        return quota.refusal(allowance.kind, allowance.limit, used, amount, now_ns)

    def _return_later(self, amounts: list[tuple[str, int]]) -> None:
        if any(amount for _, amount in amounts):
            self._requests.start(object(), partial(self._return, amounts))

    async def _return(self, amounts: list[tuple[str, int]]) -> None:
        due = [(key, amount) for key, amount in amounts if amount]
        for start in range(0, len(due), RETURNS_AT_ONCE):
            await asyncio.gather(*(self._subtract(*one) for one in due[start : start + RETURNS_AT_ONCE]))

    async def _subtract(self, key: str, amount: int) -> None:
        try:
            await self._counters.add(key, -amount)
        except Unavailable as error:
            # Not repeated: the return may have been stored, and a second one would free allowance in use.
            _log.warning("%d of unspent allowance may stay counted: %s", amount, error)
