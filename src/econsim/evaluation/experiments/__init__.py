"""Published results reproduced: each experiment runs shipped scenarios over many seeds and compares the numbers.

Pure parts: `verdicts` (comparison of a measured number with a published one), `catalogue` (the experiments, as
data). `sampling` runs the in-process driver in parallel processes; `pictures` and `page` show the result.
The command line and the suite call `catalogue.find` and `sampling.sample`.
"""
