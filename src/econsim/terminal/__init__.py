"""Runs and benchmarks in the terminal, watched while they go on: a thin layer of widgets over `report.run_view`.

Needs `textual`, which `pip install 'econsim[terminal]'` installs: commands import this package when they are asked for it.
"""
