"""Tools of the workspace service: the agent's own files, as text."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from econsim.adapters.clock import random_id
from econsim.agents.toolset.membership import Membership
from econsim.agents.toolset.tool import AgentTool, Effect, RepeatId, ToolArguments, repeatable
from econsim.schemas.workspace import ExpectedVersion, FileVersionNumber, Folder, Path

TEXT_MAX: Final = 50_000
"""Characters of a file in one result or argument: as much as a language model reads at once."""

Below = Annotated[Folder, Field(description="Folder to look in; empty for all files.")]
"""Argument: a folder."""

File = Annotated[Path, Field(description="Path of a file of yours, names with / between them.")]
"""Argument: path of a file."""

FileText = Annotated[str, Field(max_length=TEXT_MAX, description="Text to store, UTF-8.")]
"""Argument: text for a file."""


class ListFilesArguments(ToolArguments):
    """Arguments of `list_files`."""

    under: Below = ""
    """Folder to list."""


class ReadFileArguments(ToolArguments):
    """Arguments of `read_file`."""

    path: File
    """Path of the file."""
    at: FileVersionNumber | None = Field(default=None, description="Earlier version; without it, the newest.")
    """Version to read."""
    from_character: Annotated[int, Field(strict=True, ge=0)] = 0
    """Characters to leave out before the text, to read a long file in parts."""


class WriteFileArguments(ToolArguments):
    """Arguments of `write_file`."""

    path: File
    """Path of the file."""
    text: FileText
    """Text of the file."""
    expected_version: ExpectedVersion | None = Field(
        default=None, description="Version that the file must have; 0 for a new file. Without it, any."
    )
    """Version that the file must have."""
    command_id: RepeatId = None
    """Id of the change."""


class AppendToFileArguments(ToolArguments):
    """Arguments of `append_to_file`."""

    path: File
    """Path of the file."""
    text: FileText
    """Text to add at the end."""
    command_id: RepeatId = None
    """Id of the change."""


class MoveFileArguments(ToolArguments):
    """Arguments of `move_file`."""

    path: File
    """Path of the file."""
    to: File
    """New path."""
    overwrite: bool = Field(default=False, description="True to replace a file that has the new path.")
    """Permission to replace another file."""
    command_id: RepeatId = None
    """Id of the change."""


class DeleteFileArguments(ToolArguments):
    """Arguments of `delete_file`."""

    path: File
    """Path of the file."""
    command_id: RepeatId = None
    """Id of the change."""


class SearchFilesArguments(ToolArguments):
    """Arguments of `search_files`."""

    text: Annotated[str, Field(min_length=1, max_length=200, description="Text to look for in lines.")]
    """Text to look for."""
    under: Below = ""
    """Folder to look in."""


async def list_files(membership: Membership, arguments: ListFilesArguments) -> object:
    """Return the files below a folder."""
    return {"files": await (await membership.session()).workspace.list_files(arguments.under)}


async def read_file(membership: Membership, arguments: ReadFileArguments) -> object:
    """Return a part of a file's text and the length of the whole."""
    workspace = (await membership.session()).workspace
    text = await workspace.read_text(arguments.path, at=arguments.at)
    end = arguments.from_character + TEXT_MAX
    return {
        "text": text[arguments.from_character : end],
        "length": len(text),
        "next_character": end if end < len(text) else None,
    }


async def write_file(membership: Membership, arguments: WriteFileArguments) -> object:
    """Write a file whole and return the change."""
    workspace, id_ = (await membership.session()).workspace, arguments.command_id or random_id()
    with repeatable(command_id=id_):
        return await workspace.write(
            arguments.path, arguments.text, expected_version=arguments.expected_version, command_id=id_
        )


async def append_to_file(membership: Membership, arguments: AppendToFileArguments) -> object:
    """Add text at the end of a file and return the change."""
    workspace, id_ = (await membership.session()).workspace, arguments.command_id or random_id()
    with repeatable(command_id=id_):
        return await workspace.append(arguments.path, arguments.text, command_id=id_)


async def move_file(membership: Membership, arguments: MoveFileArguments) -> object:
    """Give a file another path and return the change."""
    workspace, id_ = (await membership.session()).workspace, arguments.command_id or random_id()
    with repeatable(command_id=id_):
        return await workspace.move(
            arguments.path, arguments.to, overwrite=arguments.overwrite, command_id=id_
        )


async def delete_file(membership: Membership, arguments: DeleteFileArguments) -> object:
    """Delete a file and return the change."""
    workspace, id_ = (await membership.session()).workspace, arguments.command_id or random_id()
    with repeatable(command_id=id_):
        return await workspace.delete(arguments.path, command_id=id_)


async def search_files(membership: Membership, arguments: SearchFilesArguments) -> object:
    """Return the lines that contain a text."""
    workspace = (await membership.session()).workspace
    return {"matches": await workspace.search(arguments.text, arguments.under)}


TOOLS: Final[tuple[AgentTool, ...]] = (  # type: ignore[type-arg]  # each has arguments of its own
    AgentTool("list_files", "Your files: path, size, version.", ListFilesArguments, list_files, Effect.READ),
    AgentTool(
        "read_file",
        f"Text of a file of yours, {TEXT_MAX} characters at most; `next_character` says where the rest begins.",
        ReadFileArguments,
        read_file,
        Effect.READ,
    ),
    AgentTool(
        "write_file",
        "Write a file of yours whole; earlier versions can still be read.",
        WriteFileArguments,
        write_file,
    ),
    AgentTool(
        "append_to_file", "Add text at the end of a file of yours.", AppendToFileArguments, append_to_file
    ),
    AgentTool("move_file", "Give a file of yours another path.", MoveFileArguments, move_file),
    AgentTool("delete_file", "Delete a file of yours.", DeleteFileArguments, delete_file, Effect.IDEMPOTENT),
    AgentTool(
        "search_files",
        "Lines of your files that contain a text.",
        SearchFilesArguments,
        search_files,
        Effect.READ,
    ),
)
"""Tools of the workspace service."""
