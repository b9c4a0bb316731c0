"""Reading of the long texts of calls, which events of the log have by digest alone."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from dataclasses import replace

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Fact
from econsim.domain.cognition.texts import data_with_text, with_texts
from econsim.ports import TextStore
from econsim.schemas.cognition import LlmInvoked


async def read_texts(store: TextStore, addressed: AddressedEvent, agents: Container[str]) -> AddressedEvent:
    """Return an event with the texts of these agents' calls inline.

    Raises CorruptLog, which names the call, if a text is lost.
    """
    data = addressed.event.data
    if not isinstance(data, LlmInvoked):
        return addressed
    wanted = [item.text_digest for item in data.items if item.text_digest and item.agent in agents]
    texts = await asyncio.gather(*map(store.get, wanted))
    return with_texts(addressed, dict(zip(wanted, texts, strict=True)))


async def fact_with_text(store: TextStore, fact: Fact) -> Fact:
    """Return a fact with its text inline; raises CorruptLog, which names the call, if the text is lost."""
    digest = fact.data.get("text_digest") if fact.type == subjects.LLM_INVOKED.type else None
    if not digest:
        return fact
    return replace(fact, data=data_with_text(fact.data, await store.get(digest)))
