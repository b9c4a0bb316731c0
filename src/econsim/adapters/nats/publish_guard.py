"""A client that publishes only on the subjects of its role.

The server refuses other subjects too, but later, and its error reaches no caller. Here the call itself fails, with a
reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from nats.aio.client import Client

from econsim.errors import NotAllowed

_END: Final = ">"


class Patterns:
    """NATS patterns as a tree of tokens: a look-up takes one step a token, however many patterns there are."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Build the tree."""
        self._tree: dict[str, Any] = {}
        patterns = tuple(patterns)
        # Those of inboxes, to one of which every answer goes.
        self._heads = tuple(
            each.removesuffix(_END) for each in patterns if each.endswith(f".{_END}") and each.count(".") == 1
        )
        for pattern in patterns:
            branch = self._tree
            for token in pattern.split("."):
                branch = branch.setdefault(token, {})
            branch[""] = {}

    def match(self, subject: str) -> bool:
        """Tell whether a subject is within any of the patterns."""
        return subject.startswith(self._heads) or self._within(self._tree, subject.split("."), 0)

    def _within(self, branch: dict[str, Any], tokens: list[str], place: int) -> bool:
        if place == len(tokens):
            return "" in branch
        if _END in branch:
            return True
        exact, any_ = branch.get(tokens[place]), branch.get("*")
        return (exact is not None and self._within(exact, tokens, place + 1)) or (
            any_ is not None and self._within(any_, tokens, place + 1)
        )


def restrict_publishing(
    client: Client, role: str, allowed: Iterable[str], on_refusal: Callable[[str, NotAllowed], None]
) -> None:
    """Make a client raise NotAllowed for a publish outside `allowed`, the patterns of the role.

    `on_refusal` is called first, with the subject and the error. Requests, replies and stream publishes all go through the one method that is replaced here.
    """
    patterns, send = Patterns(allowed), client.publish

    async def publish(
        subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        if not patterns.match(subject):
            message = (
                f"{role!r} may not publish on {subject[:200]!r}; docs/reference/permissions.md has its rights"
            )
            error = NotAllowed(message, code="sender_may_not_publish_here")
            on_refusal(subject, error)
            raise error
        await send(subject, payload, reply, headers)

    client.publish = publish  # type: ignore[method-assign]  # the one way out of the client
