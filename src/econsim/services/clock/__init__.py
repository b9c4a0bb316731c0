"""The work of the clock service: it drives runs, tick by tick."""
