"""Work of the trace service: spans of runs from their logs, and all spans on their way to a collector."""
