"""The event of a call: what is too long for the log is left out of it, and its digest stays."""

from tool_builders import result

from econsim.domain.mcp.outcome import answered_outcome, outcome_event
from econsim.domain.mcp.request import asked_command
from econsim.schemas.mcp import EVENT_RESULT_BYTES_MAX, CallTool

LONG = "x" * EVENT_RESULT_BYTES_MAX


def completed(text="found", word="x"):
    """Return what the log has about a call with this word as an argument and this text as its result."""
    call = asked_command("run", "ana", "search", CallTool(msg_id="one", tool="find", params={"q": word}))
    outcome = answered_outcome(call, 1, result(text)).model_copy(update={"ended_at": "2026-01-01T00:00:00Z"})
    return outcome_event("run", "salt", outcome).event.data


def test_a_short_call_is_told_whole():
    found = completed()

    assert (found.params, found.result) == ({"q": "x"}, result())


def test_a_long_result_is_told_by_its_digest():
    found = completed(LONG)

    assert found.result is None
    assert found.result_digest not in (completed().result_digest, completed(LONG + "y").result_digest)


def test_long_arguments_are_told_by_their_digest():
    found = completed(word=LONG)

    assert (found.params, found.request_digest == completed().request_digest) == (None, False)
