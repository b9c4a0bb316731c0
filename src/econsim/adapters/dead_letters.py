"""Setting aside what no handler can finish: stream `dead_letter`, with reason and origin (architecture D3)."""

from __future__ import annotations

from nats.aio.msg import Msg
from nats.js import JetStreamContext

from econsim.errors import EconsimError

REASON_LENGTH_MAX = 500
"""Characters of a reason kept in a header."""


async def bury(stream: JetStreamContext, message: Msg, error: EconsimError, handler: str) -> None:
    """Store a message as a dead letter under its own subject; once, however often it is delivered.

    Headers: `dead-letter-code`, `-reason`, `-handler`, `-stream`, `-sequence`. The caller acknowledges it.
    """
    metadata = message.metadata
    headers = {
        "Nats-Msg-Id": f"{metadata.stream}:{metadata.sequence.stream}",
        "dead-letter-code": error.error_code,
        "dead-letter-reason": " ".join(str(error).split())[:REASON_LENGTH_MAX],
        "dead-letter-handler": handler,
        "dead-letter-stream": metadata.stream,
        "dead-letter-sequence": str(metadata.sequence.stream),
    }
    await stream.publish(f"dead_letter.{message.subject}", message.data, headers=headers)
