"""The messages between the agents of one run and their consents, folded from its events. Pure.

Life cycles::

    collection   holds                                        added by         removed by          bound
    _sent        sender -> its newest messages, for repeats   MessagePosted    MESSAGES_KEPT       MESSAGES_KEPT an agent
    _received    recipient -> its newest messages             MessagePosted    MESSAGES_KEPT       MESSAGES_KEPT an agent
    _numbers     recipient -> number of its newest message    MessagePosted    never               agents
    _consents    recipient -> sender -> consent or denial     ConsentChanged   never               pairs of agents
    _recent      pair -> times of the newest messages         MessagePosted    a minute later      MESSAGES_PER_MINUTE a pair
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from typing import Final

from econsim.domain.social.limits import MESSAGES_PER_MINUTE, SlidingCount
from econsim.errors import Conflict
from econsim.schemas.social import (
    MESSAGES_PER_READ_MAX,
    AgentMessage,
    Consents,
    SendMessage,
    SetConsent,
)
from econsim.schemas.social_events import ConsentChanged, MessagePosted

MESSAGES_KEPT: Final = 200
"""Messages of one agent that are remembered: for repeats of those it sent, and for late readers of those it received.
The log has all of them."""


class MessageTable:
    """The messages and consents of one run."""

    def __init__(self) -> None:
        """Start with no message and no consent."""
        self._sent: defaultdict[str, OrderedDict[str, AgentMessage]] = defaultdict(OrderedDict)
        self._received: defaultdict[str, deque[AgentMessage]] = defaultdict(
            lambda: deque(maxlen=MESSAGES_KEPT)
        )
        self._numbers: Counter[str] = Counter()
        self._consents: defaultdict[str, dict[str, bool]] = defaultdict(dict)
        self._recent = SlidingCount(MESSAGES_PER_MINUTE)

    def evolve(self, change: MessagePosted | ConsentChanged) -> None:
        """Fold one event."""
        if isinstance(change, ConsentChanged):
            self._consents[change.agent][change.sender] = change.is_allowed
            return
        message = AgentMessage.model_construct(**dict(change))
        sent = self._sent[message.sender]
        sent[message.message_id] = message
        if len(sent) > MESSAGES_KEPT:
            sent.popitem(last=False)
        self._received[message.recipient].append(message)
        self._numbers[message.recipient] = message.number
        self._recent.add(_pair(message.sender, message.recipient), message.sent_at)

    def consent(self, agent: str, sender: str) -> bool | None:
        """Return whether an agent allows the messages of another; none if it has not said."""
        return self._consents[agent].get(sender)

    def consents(self, agent: str) -> Consents:
        """Return the consents that an agent gave and denied."""
        found = sorted(self._consents[agent].items())
        return Consents(
            allowed=tuple(sender for sender, is_allowed in found if is_allowed),
            denied=tuple(sender for sender, is_allowed in found if not is_allowed),
        )

    def set_consent(self, agent: str, request: SetConsent) -> ConsentChanged | None:
        """Return the event that changes a consent, none for a repeat."""
        if self.consent(agent, request.sender) is request.is_allowed:
            return None
        return ConsentChanged(agent=agent, sender=request.sender, is_allowed=request.is_allowed)

    def repeat(self, sender: str, request: SendMessage) -> AgentMessage | None:
        """Return the message that a request repeats, none for a new one; raises Conflict for other content."""
        known = self._sent[sender].get(message_id(sender, request))
        if known is not None and (known.recipient, known.text) != (request.recipient, request.text):
            message = f"{known.message_id} stands for another message; each needs an id of its own"
            raise Conflict(message)
        return known

    def send(self, sender: str, request: SendMessage, now: str) -> MessagePosted:
        """Return the event that sends a new message; raises QuotaExceeded for too many in a minute."""
        self._recent.require(_pair(sender, request.recipient), now)
        return MessagePosted(
            message_id=message_id(sender, request),
            sender=sender,
            recipient=request.recipient,
            text=request.text,
            number=self._numbers[request.recipient] + 1,
            sent_at=now,
        )

    def messages_to(self, agent: str, after: int) -> Iterator[AgentMessage]:
        """Yield the oldest remembered messages to an agent that lie after a number, one reply's worth."""
        found = [each for each in self._received.get(agent, ()) if each.number > after]
        yield from found[:MESSAGES_PER_READ_MAX]


def message_id(sender: str, request: SendMessage) -> str:
    """Return the id of the message that a request sends."""
    return f"message.{sender}.{request.message_id}"


def _pair(sender: str, recipient: str) -> str:
    return f"{sender}.{recipient}"
