"""Reading of the long texts of calls, which events of the log have by digest alone."""

from __future__ import annotations

import asyncio
from collections.abc import Container

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record
from econsim.domain.cognition.texts import data_with_text, with_texts
from econsim.errors import CorruptLog
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


async def record_with_texts(store: TextStore, entry: Record, lost: list[str]) -> Record:
    """Return a record with its long texts inline, so that it needs no store any more.

    `lost` takes a sentence for each text that is lost; its call stays as it is.
    """
    items = entry.data["items"] if entry.type == subjects.LLM_INVOKED.type else ()
    if not any(item.get("text_digest") for item in items):
        return entry
    whole = []
    for item in items:
        try:
            digest = item.get("text_digest")
            whole.append(data_with_text(item, await store.get(digest)) if digest else item)
        except CorruptLog as error:
            lost.append(str(error))
            whole.append(item)
    return entry.with_data({**entry.data, "items": whole})
