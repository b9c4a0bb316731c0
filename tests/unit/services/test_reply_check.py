"""Reply subjects and rates of requests: an agent gets an answer on its own inbox, within its quota, and nowhere else."""

import pytest
from fake_consumers import ConsumerNats
from faststream.nats import NatsBroker, TestNatsBroker

from econsim import subjects
from econsim.domain.admission.quota import SECOND_NS
from econsim.schemas.quota import QuotaUpdate
from econsim.services.context import ServiceContext
from econsim.services.handlers import BindMessage, error_replies
from econsim.services.quota_meter import QuotaMeter
from econsim.services.rejections import RejectionEvents
from econsim.services.reply_check import FROM_AGENT, OWN_INBOX, ReplySubjectCheck
from econsim.testing import FakeCounters, FakeQuotaTable, FakeWallClock

SUBJECT = subjects.GET_BALANCE(run="run", agent="anna")
COMMAND = subjects.PLACE_BID(resource="cpu", run="run", agent="anna")


class Checked:
    """A service behind the check, and the subjects its handlers got."""

    def __init__(self):
        self.broker, self.client, self.table = NatsBroker(), ConsumerNats(), FakeQuotaTable()
        context = ServiceContext("ledger", self.broker, FakeWallClock())
        context.meter = QuotaMeter(FakeCounters(), self.table, lambda: 7_200 * SECOND_NS)
        context.rejections = RejectionEvents(self.client, "ledger", "ledger-1", context.clock)
        for middleware in (BindMessage(context), error_replies(), ReplySubjectCheck(context)):
            self.broker.add_middleware(middleware)
        self.handled = []
        self.kept = [
            self.handle(row.pattern())
            for row in (subjects.GET_BALANCE, subjects.PLACE_BID, subjects.TICKED, subjects.RUN_CLOSED)
        ]

    def handle(self, pattern):
        @self.broker.subscriber(pattern)
        async def handler(_: bytes) -> None:
            self.handled.append(pattern)

        return handler

    def rejections(self):
        return [event["data"]["code"] for event in self.client.events("rejected")]


@pytest.fixture
async def checked():
    checked = Checked()
    async with TestNatsBroker(checked.broker) as memory:
        checked.memory = memory
        yield checked


async def send(checked, subject, reply=""):
    await checked.memory.publish(b"{}", subject, reply_to=reply)


@pytest.mark.parametrize("reply", [f"{OWN_INBOX}market.1", f"{FROM_AGENT}abc"])
async def test_a_request_with_an_inbox_of_its_sender_is_handled(checked, reply):
    await send(checked, SUBJECT, reply)

    assert checked.handled == [subjects.GET_BALANCE.pattern()]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("system.run.closed.run", "reply_subject_is_foreign"),
        ("_INBOX_other.1", "reply_subject_is_foreign"),
        ("", "request_has_no_reply_subject"),
    ],
)
async def test_a_request_that_would_answer_elsewhere_is_refused_unanswered_and_published(
    checked, reply, code
):
    await send(checked, SUBJECT, reply)
    await checked.client.until(checked.rejections)

    assert not checked.handled
    assert checked.rejections() == [code]
    assert not checked.client.published


async def test_a_command_of_a_queue_may_have_any_reply_subject(checked):
    await send(checked, COMMAND, "$JS.ACK.market_orders.book.1.1.1.1.0")

    assert checked.handled == [subjects.PLACE_BID.pattern()]


async def test_an_event_without_reply_subject_is_handled(checked):
    await send(checked, subjects.TICKED(run="run"))

    assert checked.handled == [subjects.TICKED.pattern()]


async def test_a_request_over_the_rate_limit_is_refused(checked):
    await checked.table.change("run", "anna", QuotaUpdate(max_publish_rate=3))

    for _ in range(5):
        await send(checked, SUBJECT, f"{FROM_AGENT}abc")

    assert len(checked.handled) == 3
    assert not checked.rejections()


async def test_services_have_no_rate_limit(checked):
    await checked.table.change("run", "anna", QuotaUpdate(max_publish_rate=1))

    for _ in range(5):
        await send(checked, SUBJECT, f"{OWN_INBOX}market.1")

    assert len(checked.handled) == 5
