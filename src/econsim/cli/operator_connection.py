"""Commands of a person to running services: connected as operator, under the name in the credentials."""

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
    """Connection of an operator."""

    client: Client
    """NATS connection of the operator."""
    name: str
    """Name of the operator, which the log records with every command."""

    async def ask(self, subject: Subject, request: Message, reply: type[Reply], **places: str) -> Reply:
        """Send a command to its service; raises Refused with the service's reason, SetupError without a service."""
        from econsim.adapters.nats.rpc import NO_SERVICE, ask

        try:
            return await ask(self.client, subject(operator=self.name, **places), request, reply)
        except NotFound as error:
            if error.error_code != NO_SERVICE:
                raise
            where = f" for an open run {places['run']}" if "run" in places else ""
            message = f"no {subject.owner} service is running{where}; start it with `econsim up`"
            raise SetupError(message) from error


@asynccontextmanager
async def connect_operator(config: Settings, *, brief: bool = True) -> AsyncIterator[OperatorConnection]:
    """Connect as the operator for the time of the context, as `connect_to_server` does; raises SetupError if that fails."""
    from econsim.app import server_of
    from econsim.runs.launch.key_audit import operator_name

    async with connect_to_server(config, OPERATOR, brief=brief) as client:
        yield OperatorConnection(client, operator_name(server_of(config).creds(OPERATOR)))
