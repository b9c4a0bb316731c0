"""`python -m econsim` is `econsim`."""

from __future__ import annotations

from econsim.cli import main

if __name__ == "__main__":
    main()
