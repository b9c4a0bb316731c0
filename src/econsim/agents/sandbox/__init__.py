"""Untrusted agents, each in a process of its own that reaches NATS and nothing else.

`process` starts, watches and stops one. What it may use is in `limits`, what it may see in `jail`, what it
may ask of the kernel in `calls`, what it may reach in `relay`. Trusts nothing that runs inside.
"""
