"""Handlers of the admission service on the test broker: logical time."""

from types import SimpleNamespace

import pytest
from factories import NOON, active, group, scenario
from fake_nats import FakeNats
from faststream.nats import NatsBroker, TestNatsBroker

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.routers import admission
from econsim.schemas.clock import Ticked
from econsim.services.admission.gateway import AdmissionGateway
from econsim.services.context import DepthWatch, ServiceContext
from econsim.services.handlers import BindMessage, error_replies
from econsim.services.routes import router


@pytest.fixture
async def service():
    """The handlers on a broker in memory, and the context they work in."""
    broker = NatsBroker()
    context = ServiceContext("admission", SimpleNamespace(connection=FakeNats()))
    context.runs["run"] = active(scenario(group("anna", "external")))
    broker.add_middleware(BindMessage(context))
    broker.add_middleware(error_replies())
    broker.include_router(router("admission", admission.service.routes))
    async with TestNatsBroker(broker) as memory:
        yield SimpleNamespace(memory=memory, context=context)


async def test_the_newest_tick_of_a_run_is_noted(service):
    ticked = Envelope("run", "salt", 9, NOON).event(
        subjects.TICKED, "clock", Ticked(period=1, tick_of_period=9)
    )

    await service.memory.publish(ticked.json(), ticked.subject)

    assert service.context.runs.tick("run") == 9


def test_every_worker_runs_a_gateway_and_watches_the_depth_of_the_queue(service):
    depth, gateway = admission.service.components(service.context)

    assert isinstance(depth, DepthWatch)
    assert isinstance(gateway, AdmissionGateway)
