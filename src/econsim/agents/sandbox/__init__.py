"""Untrusted agents, each in a process of its own that reaches NATS and nothing else.

`process` starts, watches and stops one agent. `limits` has its resource limits, `bubblewrap` the files it sees, `seccomp`
the system calls it may make, `nats_relay` its only connection. The sandbox trusts nothing that runs inside it.
"""
