"""Spans of a run, as OpenTelemetry knows them, made from its events."""
