"""The services by domain word: each module holds a service's handlers, its table of routes, and its leader tasks.

Handlers parse, load, decide and publish; no module here imports another.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

from econsim.schemas.subject import OWNERS
from econsim.services.definition import ServiceDefinition


class _Services(Mapping[str, ServiceDefinition]):
    """The services by name; a service's module is imported when it is asked for, so that a worker loads only its own."""

    def __getitem__(self, name: str) -> ServiceDefinition:
        if name not in OWNERS:
            raise KeyError(name)
        service: ServiceDefinition = import_module(f"{__name__}.{name}").service
        return service

    def __iter__(self) -> Iterator[str]:
        return iter(OWNERS)

    def __len__(self) -> int:
        return len(OWNERS)

    def __contains__(self, name: object) -> bool:
        return name in OWNERS


SERVICES: Final[Mapping[str, ServiceDefinition]] = _Services()
"""Definition of every service, by the name of its app and its role."""
