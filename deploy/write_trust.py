"""Lay out the trust of a deployment, so that each container can be handed its own part and no more.

    python write_trust.py STATE RESOLVER

    STATE/trust/                  keys: stays with the operator, mounted by nobody
    STATE/server/trust.conf       what the server includes
    STATE/services/<role>/user.creds

RESOLVER is the server's own directory for account JWTs pushed to it later. Repeating it keeps all keys.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from econsim.adapters.trust import Trust
from econsim.permissions import ROLES


def main(state: Path, resolver: Path) -> None:
    """Create what is missing and write the layout anew."""
    trust = Trust.open(state)
    private(state / "server" / "trust.conf").write_text(trust.server_config(resolver))
    for role in ROLES:
        shutil.copyfile(trust.creds(role), private(state / "services" / role / "user.creds"))


def private(path: Path) -> Path:
    """Return the path, with directories and a file there that only their owner can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
