"""econsim: an event-driven economic simulation over NATS/JetStream."""

TYPE_CHECKING = False  # type checkers know this name; loading `typing` takes ten times as long as this file

if TYPE_CHECKING:
    from econsim.agents.session import join

__version__ = "0.1.0"
__all__ = ["join"]


def __getattr__(name: str) -> object:
    """Load a name of the agent SDK when a program asks for it, so that `import econsim` alone stays quick."""
    if name == "join":
        from econsim.agents.session import join  # noqa: PLC0415 - see above

        return join
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
