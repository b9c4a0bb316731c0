"""A user of account SIM with every right, for tests that play all parts; econsim makes one to try permissions alone."""

from econsim.identity.nats_jwt import Key, NkeyKind, creds, user_jwt
from econsim.identity.private_files import write


def superuser(server):
    """Return the creds file of a user who may do everything in SIM on this server."""
    path = server.trust.directory / "creds" / "superuser.creds"
    if not path.exists():
        user = Key(NkeyKind.USER)
        write(
            path,
            creds(user_jwt(server.trust.sim, user.public, "superuser", issued=server.trust.now()), user.seed),
        )
    return path
