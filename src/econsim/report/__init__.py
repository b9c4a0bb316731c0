"""Presentation of a run: live progress, final tables, the HTML report and the Parquet export."""
