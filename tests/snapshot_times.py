"""Times at which services write snapshots, for tests: at every step, or hardly ever."""


def write_snapshots_always(monkeypatch):
    """Have every component write a snapshot after each step, unless one is being written."""
    monkeypatch.setattr("econsim.services.snapshots.TAIL_MIN", 1)
    monkeypatch.setattr("econsim.services.snapshots.REST", 0)


def write_snapshots_no_more(monkeypatch):
    """Have no component write a snapshot from now on."""
    monkeypatch.setattr("econsim.services.snapshots.TAIL_MIN", 1_000_000)
