"""Published results reproduced: each experiment is a shipped design of a study, whose runs are compared with published numbers.

Pure parts: `verdicts` (comparison of a measured number with a published one), `catalogue` (the experiments). `runs` runs the
designs (`studies/designs`) in parallel processes; `pictures` and `page` show the result.
"""
