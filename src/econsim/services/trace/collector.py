"""The collector of spans that an operator named, by libraries that an extra brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from econsim.config import environment
from econsim.errors import SetupError

if TYPE_CHECKING:
    from econsim.adapters.otlp import OtlpSender


def span_collector(url: str) -> OtlpSender:
    """Return the sender of spans to a collector; raises SetupError if its libraries are not installed."""
    try:
        from econsim.adapters.otlp import OtlpSender
    except ImportError:
        message = "what speaks OTLP is not installed; install it with `pip install 'econsim[otlp]'`"
        raise SetupError(message) from None
    return OtlpSender(url, environment())
