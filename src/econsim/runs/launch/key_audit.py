"""Audit of the keys: each use of the trust root is recorded in the log, after it is done.

The owner of the trust root needs no service to use it, so the log has only what this module reports. If no service
records it, a remark for the user says so, and the use of the keys stays.
"""

from __future__ import annotations

from pathlib import Path

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.errors import EconsimError
from econsim.identity.nats_jwt import read_claims
from econsim.identity.roles import OPERATOR
from econsim.identity.trust_root import Trust
from econsim.schemas.admin import ConnectionChangedEvent, RecordConnection, TellTrust, TrustChangedEvent


async def audit_key_use(client: Client, operator: str, change: TellTrust) -> bool:
    """Record a use of the keys in the log, as an operator; return false if no service takes it now."""
    try:
        await ask(client, subjects.TELL_TRUST(operator=operator), change, TrustChangedEvent)
    except EconsimError:
        return False
    return True


async def audit_connection(client: Client, operator: str, change: RecordConnection) -> bool:
    """Record in the log whether an agent is connected, as an operator; return false if no service takes it now."""
    try:
        await ask(client, subjects.RECORD_CONNECTION(operator=operator), change, ConnectionChangedEvent)
    except EconsimError:
        return False
    return True


async def audit_remark(trust: Trust, url: str, change: TellTrust) -> str:
    """Connect and record a use of the keys in the log; return a remark for the user if that failed, else nothing."""
    creds = trust.creds(OPERATOR)
    try:
        client = await connect(url, creds, "econsim-cli-operator")
    except EconsimError as error:
        return f", but the log has no record of it: {error}"
    try:
        in_log = await audit_key_use(client, operator_name(creds), change)
    finally:
        await client.close()
    return "" if in_log else ", but no service runs that records it in the log"


def operator_name(creds: Path) -> str:
    """Return the operator's name in a creds file; without a file the default name."""
    return read_claims(creds).name if creds.is_file() else OPERATOR
