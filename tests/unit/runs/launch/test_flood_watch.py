"""The revocation of an agent that floods is reported to people and to the log."""

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.errors import NotFound
from econsim.runs.launch import flood_watch
from econsim.schemas.admin import TellTrust
from econsim.schemas.admission import AgentSuspended

FLOODED = Envelope("demo", "ab", 0, "1970-01-01T00:00:00.000000000Z").event(
    subjects.AGENT_SUSPENDED, "market", AgentSuspended(agent="anna", received=5_000, allowed=100)
)


class Message:
    data = FLOODED.json()


async def test_a_revocation_is_reported_once_to_people_and_to_the_log(monkeypatch):
    people, log, gone = [], [], set()

    async def revoke(_trust, _provisioner, run, agent):
        if (run, agent) in gone:
            message = "it has no account"
            raise NotFound(message)
        gone.add((run, agent))

    async def tell_log(change):
        log.append(change)
        return True

    monkeypatch.setattr(flood_watch, "revoke", revoke)
    watching = flood_watch.FloodWatch(None, None, people.append, tell_log)

    await watching.handle_suspension(Message)
    await watching.handle_suspension(Message)

    why = "it sent 5,000 messages in a second"
    assert gone == {("demo", "anna")}
    assert log == [TellTrust(run="demo", who="anna", change="agent_thrown_out", reason=why)]
    assert [why in sentence for sentence in people] == [True]
