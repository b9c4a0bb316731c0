"""The definition of a service: what its workers handle, what one worker at a time does, what runs in the background.

Each module of `routers/` defines one service and registers its handlers with decorators, as FastStream's own routers do.
A router of FastStream belongs to one broker, though, and a process may run several workers of a service. So the
decorators note a table of routes, and `app` makes a router of the table for each worker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, get_type_hints

from econsim.domain.agent.active_run import ActiveRun
from econsim.schemas.subject import Subject
from econsim.services.context import ServiceContext
from econsim.services.handlers import REQUEST_BYTES_MAX, raw_body, strict_decoder
from econsim.services.leadership import Component, LeaderTask
from econsim.services.routes import Route

RunTasks = Callable[[ServiceContext, ActiveRun], Sequence[LeaderTask]]
"""Function that returns the tasks of an open run."""

ServiceTasks = Callable[[ServiceContext], Sequence[LeaderTask]]
"""Function that returns the tasks of the service as a whole."""

Components = Callable[[ServiceContext], Sequence[Component]]
"""Function that returns what every worker runs in the background."""

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[object]])


class ServiceDefinition:
    """One service, not yet made: a name, and what was registered for it."""

    def __init__(self, name: str) -> None:
        """Define a service that handles nothing yet; `name` is that of its app and of its role."""
        self.name = name
        self.routes: list[Route] = []
        self.run_tasks: RunTasks = lambda _, __: ()
        self.service_tasks: ServiceTasks = lambda _: ()
        self.components: Components = lambda _: ()

    def request(
        self, subject: Subject, *, bytes_max: int = REQUEST_BYTES_MAX, max_workers: int = 1
    ) -> Callable[[Handler], Handler]:
        """Answer a request: one worker takes each message; the payload is validated strictly against the annotation.

        `bytes_max` is the largest payload in bytes, `max_workers` the number of messages that a worker handles at once.
        """

        def register(handler: Handler) -> Handler:
            model = next(iter(get_type_hints(handler).values()))
            self.routes.append(Route(subject, handler, strict_decoder(model, bytes_max), max_workers))
            return handler

        return register

    def raw_request(self, *subjects: Subject, max_workers: int = 1) -> Callable[[Handler], Handler]:
        """Answer requests whose payload is not decoded."""

        def register(handler: Handler) -> Handler:
            self.routes.extend(Route(subject, handler, raw_body, max_workers) for subject in subjects)
            return handler

        return register

    def tasks_of_run(self, make: RunTasks) -> RunTasks:
        """Have one worker at a time do each of the tasks that `make` returns for an open run."""
        self.run_tasks = make
        return make

    def tasks_of_service(self, make: ServiceTasks) -> ServiceTasks:
        """Have one worker at a time do each of the tasks that `make` returns, whatever runs are open."""
        self.service_tasks = make
        return make

    def in_background(self, make: Components) -> Components:
        """Have every worker run the components that `make` returns."""
        self.components = make
        return make
