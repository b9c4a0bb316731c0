"""The queue of delegated tasks: the leader of a run takes its commands, and acknowledges each when its task is decided."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import nats.errors
from nats.aio.msg import Msg

from econsim.adapters.clock import random_name
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.dead_letters import store_dead_letter
from econsim.adapters.jetstream.ordered_push import DeliveryMissed, OrderedPush
from econsim.adapters.jetstream.task_consumers import task_consumer
from econsim.adapters.poll import Poll
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.social.delegation import parse_delegation
from econsim.domain.social.events import ACTOR
from econsim.domain.social.tasks import delegated_task
from econsim.errors import EconsimError, Refused
from econsim.schemas.subject import fields
from econsim.services.context import ServiceContext
from econsim.services.social.operations import SocialOperations

ACK: Final = b"+ACK"
"""Payload of an acknowledgement."""

AGAIN_S: Final = 0.1
"""Pause before another consumer is made: the server is away, or lost the one before."""

BATCH_MAX: Final = 100
"""Commands that are decided together; their payments are reserved in one submission."""


async def serve(context: ServiceContext, run: ActiveRun, operations: SocialOperations) -> None:
    """Take the commands of a run until cancelled."""
    async for _ in Poll(AGAIN_S):
        with suppress(DeliveryMissed):
            await _take_all(context, run, operations)


async def _take_all(context: ServiceContext, run: ActiveRun, operations: SocialOperations) -> None:
    """Take commands through a new consumer until a delivery is missing."""
    consumer = task_consumer(run.name, random_name(context.service))
    deliveries = OrderedPush(context.client, consumer.idle_heartbeat_s)
    subscription = await context.client.subscribe(consumer.deliver_subject, cb=deliveries.receive)
    try:
        await provision.recreate_consumer(context.client, consumer)
        while True:
            batch = [await deliveries.get(), *await deliveries.rest(BATCH_MAX)]
            await asyncio.gather(*(_take(context, run, operations, message) for _, message in batch))
    finally:
        with suppress(EconsimError, nats.errors.Error):
            await subscription.unsubscribe()
            # What is left in the queue waits for the next leader, which makes the consumer anew.
            await provision.delete_consumer(context.client, consumer)


async def _take(context: ServiceContext, run: ActiveRun, operations: SocialOperations, message: Msg) -> None:
    """Decide one command, then acknowledge it; a refusal is a decision too."""
    agent = fields(message.subject).agent
    with context.tracing.message(message):
        try:
            command = parse_delegation(agent, message.data)
            run.agent(agent)
        except Refused as error:
            await store_dead_letter(context.jetstream, message, error, ACTOR)
        else:
            try:
                await operations.delegate(agent, command)
            except Refused as error:
                await operations.refuse(delegated_task(agent, command, context.clock.now()), error)
    await context.client.publish(message.reply, ACK)
