"""The public Python API: scenarios, runs and their results as tables, for programs and notebooks.

`econsim` itself offers these names (`econsim.load`, `econsim.run`), and loads them when they are asked for.
"""
