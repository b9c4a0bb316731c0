"""`econsim`, which is `python -m econsim`: ends without a traceback at Ctrl-C, also while it is still being loaded."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    try:
        # Only here: loading takes a second on a slow machine, and people press Ctrl-C in it.
        from econsim.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)  # as `frame` ends with; to ask it would be to load it


if __name__ == "__main__":
    main()
