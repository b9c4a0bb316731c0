"""A person's commands to running services: connected as the operator, in the name the credentials say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from econsim.cli.connect import OPERATOR, connect_to_server
from econsim.errors import NotFound, SetupError

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.config import Settings
    from econsim.schemas.base import Message
    from econsim.schemas.subject import Subject

Reply = TypeVar("Reply", bound="Message")


@dataclass(frozen=True, slots=True)
class OperatorConnection:
    """An operator who is connected."""

    client: Client
    """The connection."""
    name: str
    """Whose commands these are, as the log will tell."""

    async def ask(self, subject: Subject, request: Message, reply: type[Reply]) -> Reply:
        """Have a command carried out; raises Refused with the service's reason, SetupError if there is no service."""
        from econsim.adapters.nats.rpc import NO_SERVICE, ask

        try:
            return await ask(self.client, subject(operator=self.name), request, reply)
        except NotFound as error:
            if error.error_code != NO_SERVICE:
                raise
            message = f"no {subject.owner} service is running; start it with `econsim up`"
            raise SetupError(message) from error


@asynccontextmanager
async def connect_operator(config: Settings) -> AsyncIterator[OperatorConnection]:
    """Connect as the operator for the time of the context; raises SetupError if that cannot be."""
    from econsim.app import server_of
    from econsim.runs.launch.key_audit import operator_name

    async with connect_to_server(config, OPERATOR) as client:
        yield OperatorConnection(client, operator_name(server_of(config).creds(OPERATOR)))
