"""The definition of a service: what its decorators register, and the router made of it."""

from faststream.nats import NatsBroker

from econsim import subjects
from econsim.schemas.ledger import Balance, GetBalance
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import REQUEST_BYTES_MAX, raw_body
from econsim.services.leadership import LeaderTask
from econsim.services.routes import event_route, router


async def get_balance(_: GetBalance) -> Balance:
    """Answer a request."""


async def refuse(_: bytes) -> None:
    """Refuse a raw request."""


def subscribers(service):
    broker = NatsBroker()
    broker.include_router(router(service.name, service.routes))
    return list(broker.subscribers)


def test_a_definition_starts_with_nothing():
    service = ServiceDefinition("ledger")

    assert (service.name, service.routes) == ("ledger", [])
    assert (service.run_tasks(None, None), service.service_tasks(None), service.components(None)) == (
        (),
        (),
        (),
    )


def test_decorators_register_handlers_and_leave_them_as_they_are():
    service = ServiceDefinition("ledger")

    assert service.request(subjects.GET_BALANCE)(get_balance) is get_balance
    assert service.raw_request(subjects.INVOKE_LLM, subjects.GET_BALANCE)(refuse) is refuse

    assert [(route.subject, route.handler) for route in service.routes] == [
        (subjects.GET_BALANCE, get_balance),
        (subjects.INVOKE_LLM, refuse),
        (subjects.GET_BALANCE, refuse),
    ]
    assert [route.decoder for route in service.routes[1:]] == [raw_body, raw_body]


def test_a_request_is_answered_by_one_worker_and_an_event_heard_by_all():
    service = ServiceDefinition("ledger")
    service.request(subjects.GET_BALANCE, bytes_max=REQUEST_BYTES_MAX, max_workers=4)(get_balance)
    service.routes.append(event_route(subjects.RUN_CLOSED, refuse))

    request, event = sorted(subscribers(service), key=lambda each: each.subject.broker_address)

    assert (request.subject.broker_address, request.queue, request._no_reply) == (
        subjects.GET_BALANCE.pattern(),
        "ledger",
        False,
    )
    assert (event.subject.broker_address, event.queue, event._no_reply) == (
        subjects.RUN_CLOSED.pattern(),
        "",
        True,
    )


def test_each_worker_of_a_service_has_a_router_of_its_own():
    service = ServiceDefinition("ledger")
    service.request(subjects.GET_BALANCE)(get_balance)

    first, second = subscribers(service), subscribers(service)

    assert len(first) == len(second) == 1
    assert first[0] is not second[0]


def test_tasks_and_components_are_those_of_the_registered_functions():
    service, task = ServiceDefinition("ledger"), LeaderTask("lease", get_balance)

    service.tasks_of_run(lambda _, run: [task, run])
    service.tasks_of_service(lambda _: [task])
    service.in_background(lambda context: [context])

    assert service.run_tasks(None, "run") == [task, "run"]
    assert service.service_tasks(None) == [task]
    assert service.components("context") == ["context"]
