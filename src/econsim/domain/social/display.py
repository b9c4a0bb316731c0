"""Texts of agents for a terminal: an escape sequence in a question must not reach it. Pure."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return a text whose lines have printable characters alone; control and direction marks become spaces."""
    lines = ("".join(sign if sign.isprintable() else " " for sign in line) for line in text.splitlines())
    return "\n".join(line.rstrip() for line in lines)
