"""The outside world: each module makes one port, or one part of the server, real."""
