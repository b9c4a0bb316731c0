"""Workers of the workspace service on stores in memory, which all of them share."""

from __future__ import annotations

from types import SimpleNamespace

from factories import active, group, scenario

from econsim.domain.agent.active_run import ActiveRuns
from econsim.domain.workspace.workspace import Workspace
from econsim.ports import StoredEntry
from econsim.schemas.quota import Quotas
from econsim.schemas.workspace import AppendToFile, CopyFile, DeleteFile, MoveFile, WriteFile
from econsim.services.workspace.collector import Collector
from econsim.services.workspace.content import ContentStore
from econsim.services.workspace.reader import WorkspaceReader
from econsim.services.workspace.writer import WorkspaceWriter
from econsim.services.workspaces import Workspaces
from econsim.testing import FakeWallClock
from econsim.testing.files import FakeChunkStore, FakeFileRecords

AGENTS = (group("ana", "external"), group("bob", "external"))

COMMANDS = {
    "write": WriteFile,
    "append": AppendToFile,
    "move": MoveFile,
    "copy": CopyFile,
    "delete": DeleteFile,
}
_numbers = iter(range(1, 10**9))


def command(operation, path, **fields):
    """Return a command with an id of its own, unless it is given."""
    return COMMANDS[operation](**{"command_id": f"c{next(_numbers)}", "path": path, **fields})


class WorkspaceWorld:
    """A run with the agents ana and bob, and the stores of their files."""

    def __init__(self, **limits):
        self.run = active(scenario(*AGENTS))
        self.records = FakeFileRecords()
        self.chunks = FakeChunkStore()
        self.limits = Quotas(**limits)

    def worker(self):
        """Return a worker that knows nothing yet."""
        return Worker(self)

    def workspace(self, agent="ana"):
        """Return what a worker that starts now folds from the store."""
        found = Workspace()
        for entry in self.records.stored_entries():
            if entry.key.startswith(f"{self.run.name}.{agent}."):
                found.evolve(StoredEntry(entry.key, entry.value, entry.revision))
        return found


class Worker:
    """One worker of the service."""

    def __init__(self, world):
        self.workspaces = Workspaces(world.records, world.chunks)
        self.store = ContentStore(self.workspaces)
        self.run = world.run

        async def quotas(*_):
            return world.limits

        runs = ActiveRuns()
        runs[world.run.name] = world.run
        runs.note_tick(world.run.name, 7)
        self.context = SimpleNamespace(
            clock=FakeWallClock(),
            runs=runs,
            meter=SimpleNamespace(quotas=quotas),
            workspaces=self.workspaces,
        )

    def writer(self, agent="ana"):
        return WorkspaceWriter(self.context, self.run, self.workspaces.of(self.run.name, agent), self.store)

    def reader(self, agent="ana"):
        return WorkspaceReader(self.workspaces.of(self.run.name, agent), self.store)

    def collector(self, grace_s=0.0, forgotten=()):
        async def is_forgotten(run):
            return run in forgotten

        return Collector(self.context, self.workspaces, is_forgotten, grace_s)

    async def do(self, operation, path, agent="ana", **fields):
        """Carry out a command."""
        return await getattr(self.writer(agent), operation)(command(operation, path, **fields))
