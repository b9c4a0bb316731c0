"""Logical time: ticks, periods, and whom a tick waits for. Pure."""
