"""The admission service: what every worker of it runs."""

from types import SimpleNamespace

from fake_nats import FakeNats

from econsim.routers import admission
from econsim.services.admission.gateway import AdmissionGateway
from econsim.services.context import DepthWatch, ServiceContext
from econsim.services.tick_watch import TickWatch


def test_every_worker_runs_a_gateway_and_watches_the_depth_of_the_queue_and_the_ticks():
    context = ServiceContext("admission", SimpleNamespace(connection=FakeNats()))

    depth, ticks, gateway = admission.service.components(context)

    assert isinstance(depth, DepthWatch)
    assert isinstance(ticks, TickWatch)
    assert isinstance(gateway, AdmissionGateway)
