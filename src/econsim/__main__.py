"""`econsim`, which is `python -m econsim`: ends without a traceback at Ctrl-C, also while it is still being loaded."""

from __future__ import annotations

import faulthandler
import sys

from econsim.adapters.pydantic_plugins import load_no_plugins
from econsim.services.gc_tuning import collect_no_more, collect_rarely


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    # A crash in compiled code, such as in a policy of one's own, then says on which line it was.
    faulthandler.enable()
    collect_rarely()
    load_no_plugins()
    try:
        # Imported here: loading takes a second on a slow machine, and a user may press Ctrl-C meanwhile.
        from econsim.cli import app

        app()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)  # `command_group.STOPPED`, which may not be loaded yet
    finally:
        collect_no_more()


if __name__ == "__main__":
    main()
