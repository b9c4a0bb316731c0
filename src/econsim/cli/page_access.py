"""Access of the pages of `econsim watch` and `econsim play` to the server: options, and the embedded server's addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from econsim.cli import option_types
from econsim.errors import SetupError

if TYPE_CHECKING:
    from econsim.config import Settings

OpenOption = Annotated[
    bool, typer.Option("--open/--no-open", help="Open the browser, or only print the page's address.")
]
"""Option: whether the browser is opened."""

WebsocketOption = Annotated[
    str | None,
    typer.Option(
        help="Websockets of the server that --nats names, such as ws://127.0.0.1:9222.",
        metavar="URL",
        parser=option_types.websocket_url,
    ),
]
"""Option: websockets of a server of one's own."""

PortOption = Annotated[
    int | None,
    typer.Option(
        help="Port of the page, whose origin that server accepts.",
        metavar="N",
        parser=option_types.Whole(1, 65_535),
    ),
]
"""Option: port of the page beside a server of one's own."""


@dataclass(frozen=True, slots=True)
class PageAccess:
    """Addresses by which pages reach the server."""

    sockets: str
    """URL of the server's websockets."""
    ports: tuple[int, ...]
    """Ports of the origins that it accepts."""


def given_access(websocket: str | None, port: int | None) -> PageAccess | None:
    """Return the addresses that options give; none without them. Raises BadParameter for one without the other."""
    if (websocket is None) != (port is None):
        message = "--websocket and --port go together: the server accepts the page by the port of its origin"
        raise typer.BadParameter(message)
    return PageAccess(websocket, (port,)) if websocket and port else None


def embedded_access(config: Settings) -> PageAccess:
    """Return how pages reach the embedded server of the state directory; raises SetupError if they do not."""
    from econsim.adapters.server.state_directory import HOST, read_record

    record = None if config.nats else read_record(config.state / "nats")
    if record is None or not record.websocket:
        message = (
            "the server has no address for websockets that is known here; name it and the port of the page with --websocket and "
            "--port (docs/how-to/watch-a-run.md says how a server is given one)"
        )
        raise SetupError(message)
    return PageAccess(f"ws://{HOST}:{record.websocket}", record.pages)
