"""Files of agents in a run in memory: the decisions, records and events of the workspace service, kept in dictionaries."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Generator

from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.runtime.effects import HostedFile
from econsim.domain.workspace import changes
from econsim.domain.workspace.chunks import FileContent, extend, inline_content, split
from econsim.domain.workspace.kinds import EVENTS
from econsim.domain.workspace.paths import check_path
from econsim.domain.workspace.records import record_key
from econsim.domain.workspace.views import version_before
from econsim.domain.workspace.workspace import Workspace, file_changed
from econsim.errors import Refused
from econsim.ports import StoredEntry
from econsim.schemas.base import ErrorBody, error_body
from econsim.schemas.quota import Quotas
from econsim.schemas.workspace import AppendToFile, FileChanged, FilePart, ReadFile, WriteFile


class InMemoryFiles:
    """The workspaces of a run in memory; their limits are those of every new agent."""

    def __init__(self) -> None:
        """Start with empty workspaces."""
        self._workspaces: defaultdict[str, Workspace] = defaultdict(Workspace)
        self._content: dict[str, bytes] = {}

    def use(
        self, envelope: Envelope, hosted: HostedFile
    ) -> Generator[AddressedEvent, None, FileChanged | FilePart | ErrorBody]:
        """Do a request about a file; return its reply."""
        try:
            if isinstance(hosted.request, ReadFile):
                return self._read(hosted.agent, hosted.request)
            return (yield from self._write(envelope, hosted.agent, hosted.request))
        except Refused as error:
            return error_body(error)

    def _read(self, agent: str, request: ReadFile) -> FilePart:
        check_path(request.path)
        file = version_before(self._workspaces[agent], request.path, request.before or "0.0")
        part = self._bytes(file.content)[request.offset : request.offset + request.length]
        return FilePart.model_construct(
            path=file.path,
            version=file.version,
            size=file.content.size,
            digest=file.digest,
            offset=request.offset,
            text=None,
            base64=base64.b64encode(part).decode(),
        )

    def _write(
        self, envelope: Envelope, agent: str, command: WriteFile | AppendToFile
    ) -> Generator[AddressedEvent, None, FileChanged]:
        workspace, content = self._workspaces[agent], inline_content(command)
        if isinstance(command, AppendToFile) and (before := workspace.files.get(command.path)):
            whole = before.content
            tail = self._bytes(whole)[whole.size - whole.tail_size :]
            described, brought = extend(whole, tail, content)
        else:
            described, brought = split(content)
        change = changes.write(workspace, command, described, Quotas())
        self._content |= {name.partition(".")[0]: part for name, part in brought.items()}
        key = record_key(envelope.run, agent, change.data)
        event = envelope.event(EVENTS[key.split(".")[2]], agent, change.data, agent, change.data.version)
        workspace.evolve(StoredEntry(key, event.json(), workspace.revision + 1))
        yield event
        return file_changed(change.data)

    def _bytes(self, content: FileContent) -> bytes:
        return b"".join(self._content[digest] for digest in content.chunks)
