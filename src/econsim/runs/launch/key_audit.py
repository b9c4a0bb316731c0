"""The trail of who used the keys: what was done with them is told to the log, once it is done.

Who holds the trust root asks no service, so the log knows only what it is told. Done is done: that no
service keeps a log now is said, and undoes nothing.
"""

from __future__ import annotations

from pathlib import Path

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.errors import EconsimError
from econsim.identity.nats_jwt import user_claims
from econsim.identity.roles import OPERATOR
from econsim.identity.trust_root import Trust
from econsim.schemas.admin import ConnectionChangedEvent, RecordConnection, TellTrust, TrustChangedEvent


async def audit_key_use(client: Client, operator: str, change: TellTrust) -> bool:
    """Have the log tell what was done with the keys, as an operator; false if no service does, or it cannot now."""
    try:
        await ask(client, subjects.TELL_TRUST(operator=operator), change, TrustChangedEvent)
    except EconsimError:
        return False
    return True


async def audit_connection(client: Client, operator: str, change: RecordConnection) -> bool:
    """Have the log tell whether an agent is connected, as an operator; false if no service does, or it cannot now."""
    try:
        await ask(client, subjects.RECORD_CONNECTION(operator=operator), change, ConnectionChangedEvent)
    except EconsimError:
        return False
    return True


async def audit_remark(trust: Trust, url: str, change: TellTrust) -> str:
    """Connect and have the log tell it; return what people are told if it does not, else nothing."""
    creds = trust.creds(OPERATOR)
    try:
        client = await connect(url, creds, "econsim-cli-operator")
    except EconsimError as error:
        return f", and the log was not told: {error}"
    try:
        in_log = await audit_key_use(client, operator_name(creds), change)
    finally:
        await client.close()
    return "" if in_log else ", and no service keeps a log of it now"


def operator_name(creds: Path) -> str:
    """Return the name that credentials of an operator command in; without credentials the usual one."""
    return user_claims(creds.read_text()).name if creds.is_file() else OPERATOR
