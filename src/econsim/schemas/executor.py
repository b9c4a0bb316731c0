"""Words about the execution of a run: shared by all services, or whole by one worker."""

from __future__ import annotations

from enum import StrEnum


class Execution(StrEnum):
    """The execution of a run."""

    SHARED = "shared"
    """Every service does its part, and they speak over NATS; a run of any agents."""
    WHOLE = "whole"
    """One worker of the executor service does all of it, and stores it in bundles of ticks; a run of coded agents alone."""
