"""Benchmarks: runs judged by the expectations of their scenario, on their own events.

A batch is a list of cells; a cell is a scenario with a seed, run once. `plan` makes them, `cell` runs one in memory, `pool` many in
processes, `live` one over NATS, `work` many by workers on one server; `records` keeps the results, `statistics` reads them.
"""
